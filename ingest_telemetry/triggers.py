"""The functions of `ingest_telemetry`: the gateway that monitors call, and the worker behind the hub."""

import typing
from http import HTTPStatus

import azure.functions as func

from ingest_telemetry import gateway, quarantine_triggers, schemas, storing
from ingest_telemetry.contract import Envelope, Receipt
from ingest_telemetry.hub_batches import HubBatch, batch_trigger
from ingest_telemetry.outcome import log_failure, log_outcome
from ingest_telemetry.quotas import Quotas
from ingest_telemetry.statistics import triggers as statistics_triggers
from ingest_telemetry.watch import Watch, watch_partitions
from shared.admission import ANYONE, MONITOR
from shared.callers import Anyone, Monitor
from shared.http import Api, Call
from shared.hubs import CONNECTION, TELEMETRY_HUB

MONITOR_TIME: typing.Final = "X-Monitor-Time"


def blueprint(api: Api) -> func.Blueprint:
    """All functions of the package."""
    functions = func.Blueprint()
    quotas: list[Quotas] = []  # made with the settings, by the first message

    @api.operation(
        functions,
        "POST",
        "telemetry",
        admission=MONITOR,
        body=Envelope,
        answers={HTTPStatus.ACCEPTED: Receipt},
        problems=("schema_version_unsupported", "monitor_time_invalid", "quota_exceeded", "hub_unavailable"),
        headers={
            MONITOR_TIME: (
                "What the monitor's clock shows at this attempt, in ISO 8601. By it a wrong clock is corrected. "
                "Without it only a sentAt in the future, or more than 31 days in the past, is taken for a wrong clock."
            )
        },
    )
    async def accept_telemetry(call: Call[Monitor, Envelope]) -> Receipt:
        """Take a message of readings; every reading gets its receipt."""
        if not quotas:
            quotas.append(Quotas(call.services.settings.monitor_messages_per_minute))
        quotas[0].take(call.caller.device_id, len(call.body.readings), call.services.clock())
        return await gateway.accept_message(
            call.caller,
            call.body,
            call.written,
            hub=call.services.hubs.telemetry,
            counters=call.services.counters,
            now=call.services.clock(),
            monitor_time=call.headers.get(MONITOR_TIME),
        )

    @api.operation(
        functions,
        "GET",
        "schemas/telemetry/{version}",
        admission=ANYONE,
        answers={HTTPStatus.OK: None},
        problems=("schema_unknown",),
    )
    async def get_telemetry_schema(call: Call[Anyone, None]) -> dict[str, typing.Any]:
        """Describe one version of the telemetry envelope as a JSON Schema, with units and limits."""
        return schemas.schema_of(call.id("version"))

    @functions.function_name("store_telemetry")
    @batch_trigger("batch", CONNECTION, TELEMETRY_HUB)
    @functions.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:01:00")
    async def store_telemetry(batch: HubBatch, context: func.Context) -> None:
        """Store or quarantine every event of a batch; an outage is raised, and the batch comes again."""
        try:
            services = await api.services()
            outcome = await storing.store_events(
                batch.events, database=services.database, counters=services.counters, now=services.clock
            )
        except Exception as error:
            log_failure(batch.partition, len(batch.events), context.retry_context.retry_count, error)
            raise
        log_outcome(outcome)
        services.counters.add_all("gate", outcome.readings_refused)

    watch = Watch()

    @functions.function_name("watch_partitions")
    @functions.timer_trigger("timer", "30 * * * * *")
    async def watch_telemetry_partitions(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Raise an alarm for a partition that is not read, or not fast enough."""
        services = await api.services()
        await watch_partitions(watch, hub=services.hubs.telemetry, host_blobs=services.host_blobs, now=services.clock())

    quarantine_triggers.register(api, functions)

    statistics_triggers.register(api, functions)
    return functions
