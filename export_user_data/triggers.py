"""The functions of `export_user_data`: exports, notifications, workers and timers, and what anyone may read."""

import asyncio
import json
import logging
import typing
from collections import Counter
from functools import partial
from http import HTTPStatus

import azure.functions as func

from export_user_data import device_triggers, exports, inbox
from export_user_data.access import triggers as access_triggers
from export_user_data.catalogue import error_catalogue
from export_user_data.consents import triggers as consents
from export_user_data.contract import DownloadLink, ErrorCatalogue, Export, ExportRequest, Notification, Notifications
from export_user_data.documents import triggers as document_triggers
from export_user_data.erasure import triggers as erasure_triggers
from export_user_data.interactions import triggers as interaction_triggers
from export_user_data.on_behalf import triggers as on_behalf_triggers
from export_user_data.recipients import triggers as recipient_triggers
from export_user_data.rectification import triggers as rectification_triggers
from export_user_data.requests import triggers as request_triggers
from export_user_data.restriction import triggers as restriction
from export_user_data.retention import triggers as retention_triggers
from export_user_data.transfers import triggers as transfer_triggers
from export_user_data.vault import triggers as vault_triggers
from shared import invitations, jobs, notifications
from shared.admission import ANYONE, RESIDENT
from shared.callers import Anyone, Resident
from shared.contract import Nothing
from shared.cosmos import Item
from shared.http import Api, Call
from shared.hubs import CONNECTION, JOBS_HUB
from shared.services import Services

ACCEPTED, OK = HTTPStatus.ACCEPTED, HTTPStatus.OK

_log = logging.getLogger("blue.export")
_notifications_log = logging.getLogger("blue.notifications")


def blueprint(api: Api) -> func.Blueprint:
    """All functions of the package."""
    functions = func.Blueprint()
    _exports(api, functions)
    _notifications(api, functions)
    transfer_triggers.register(api, functions)
    device_triggers.register(api, functions)
    access_triggers.register(api, functions)
    restriction.register(api, functions)
    request_triggers.register(api, functions)
    consents.register(api, functions)
    vault_triggers.register(api, functions)
    retention_triggers.register(api, functions)
    erasure_triggers.register(api, functions)
    recipient_triggers.register(api, functions)
    rectification_triggers.register(api, functions)
    interaction_triggers.register(api, functions)
    on_behalf_triggers.register(api, functions)
    document_triggers.register(api, functions)
    _documents(api, functions)
    _workers(api, functions)
    return functions


def _exports(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "POST", "me/exports", admission=RESIDENT, body=ExportRequest, answers={ACCEPTED: Export})
    async def request_export(call: Call[Resident, ExportRequest]) -> Export:
        """Ask for a copy of everything held about the caller."""
        services = call.services
        return await exports.request_export(
            call.caller.person_id,
            call.body.scope,
            database=services.database,
            hub=services.hubs.jobs,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "GET",
        "me/exports/{exportId}",
        admission=RESIDENT,
        answers={OK: Export},
        problems=("export_unknown",),
    )
    async def get_export(call: Call[Resident, None]) -> Export:
        """How far an export is."""
        return await exports.export_state(
            call.caller.person_id, call.id("exportId"), jobs=call.services.database["jobs"]
        )

    @api.operation(
        functions,
        "POST",
        "me/exports/{exportId}/link",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: DownloadLink},
        problems=("export_unknown", "export_not_ready", "export_expired"),
    )
    async def link_export(call: Call[Resident, Nothing]) -> DownloadLink:
        """Get a read-only link of a few minutes to a finished export."""
        services = call.services
        return await exports.download_link(
            call.caller.person_id,
            call.id("exportId"),
            database=services.database,
            blobs=services.blobs,
            now=services.clock(),
        )


def _notifications(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "GET",
        "me/notifications",
        admission=RESIDENT,
        answers={OK: Notifications},
        problems=("cursor_invalid",),
        query={"cursor": "The cursor of the page before; without it the newest are answered."},
    )
    async def list_notifications(call: Call[Resident, None]) -> Notifications:
        """What the caller was told, newest first, in the language of their app."""
        return await inbox.page(
            call.caller.person_id, call.query.get("cursor"), people=call.services.database["people"]
        )

    @api.operation(
        functions,
        "POST",
        "me/notifications/{notificationId}/read",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Notification},
        problems=("notification_unknown",),
    )
    async def read_notification(call: Call[Resident, Nothing]) -> Notification:
        """Keep that the caller has read a notification."""
        return await inbox.mark_read(
            call.caller.person_id,
            call.id("notificationId"),
            people=call.services.database["people"],
            now=call.services.clock(),
        )


def _documents(api: Api, functions: func.Blueprint) -> None:
    described: dict[str, typing.Any] = {}

    @api.operation(functions, "GET", "openapi.json", admission=ANYONE, answers={OK: None})
    async def get_openapi(_call: Call[Anyone, None]) -> dict[str, typing.Any]:
        """Describe all HTTP operations in OpenAPI 3.1."""
        from shared import openapi  # noqa: PLC0415 - no cold start waits for the schema generator

        if not described:
            described.update(openapi.description(api.operations))
        return described

    @api.operation(functions, "GET", "keys", admission=ANYONE, answers={OK: None})
    async def get_keys(call: Call[Anyone, None]) -> dict[str, typing.Any]:
        """Publish the keys that verify the signature of an export, as a JWK Set."""
        return dict(call.services.export_keys.public())

    @api.operation(functions, "GET", "errors", admission=ANYONE, answers={OK: ErrorCatalogue})
    async def get_errors(_call: Call[Anyone, None]) -> ErrorCatalogue:
        """List every error with what to do, and what residents see of it."""
        return error_catalogue()


def _workers(api: Api, functions: func.Blueprint) -> None:
    api.job_kinds[exports.KIND] = jobs.Kind(_build_export, _end_export)

    @functions.function_name("run_jobs")
    @functions.event_hub_message_trigger(
        "events", CONNECTION, JOBS_HUB, cardinality=func.Cardinality.MANY, data_type=func.DataType.BINARY
    )
    @functions.retry("fixed_delay", "2", delay_interval="00:00:05")
    async def run_jobs(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006 - the worker knows no list[...]
        """Do the jobs that a batch of nudges names."""
        services = await api.services()
        until = services.clock() + jobs.INVOCATION_BUDGET
        for job_id in named_jobs(events):
            if services.clock() >= until:
                _log.info("out of time: the timer nudges for the rest")
                return
            _log.info("job: %s", await _run(job_id, api.job_kinds, services))

    @functions.function_name("nudge_stalled_jobs")
    @functions.timer_trigger("timer", "30 * * * * *")
    async def nudge_stalled_jobs(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Nudge again what nobody holds: a lost nudge, a killed worker."""
        services = await api.services()
        for job_id in await jobs.stalled_jobs(jobs=services.database["jobs"], now=services.clock()):
            await jobs.nudge(job_id, hub=services.hubs.jobs)

    @functions.function_name("checkpoint_ledger")
    @functions.timer_trigger("timer", "0 10 0 * * *")
    async def checkpoint_ledger(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Sign where every chain of the ledger ends, once a day."""
        from shared.ledger.checkpoints import checkpoint  # noqa: PLC0415 - loaded where used

        services = await api.services()
        digest = await checkpoint(
            ledger=services.database["ledger"],
            blobs=services.blobs,
            keys=services.export_keys,
            now=services.clock(),
        )
        _log.info("checkpoint of the ledger: %s", digest)

    @functions.function_name("send_notifications")
    @functions.timer_trigger("timer", "*/15 * * * * *")
    async def send_notifications(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Hand the mails that are due to the mail server: those of notifications, and those of invitations."""
        await _send_mails(await api.services())


def named_jobs(events: typing.Sequence[func.EventHubEvent]) -> list[str]:
    """The job ids in a batch of nudges, each once; a nudge that cannot be read is only a nudge, and is counted."""
    ids: dict[str, None] = {}
    for event in events:
        try:
            ids[str(json.loads(event.get_body())["jobId"])] = None
        except (KeyError, TypeError, ValueError):
            _log.warning("a nudge could not be read")
    return list(ids)


async def _send_mails(services: Services) -> None:
    database, mailer, now = services.database, services.mailer, services.clock
    runs = await asyncio.gather(
        notifications.deliver_due(people=database["people"], mailer=mailer, now=now),
        invitations.deliver_due_invitations(database=database, mailer=mailer, now=now),
        return_exceptions=True,  # a fault of the one does not keep the other
    )
    ends = sum((run for run in runs if isinstance(run, Counter)), Counter[str]())
    for end, count in ends.items():
        _notifications_log.info("%d mails: %s", count, end)
    for run in runs:
        if isinstance(run, BaseException):
            raise run


async def _run(job_id: str, kinds: typing.Mapping[str, jobs.Kind], services: Services) -> str:
    async def tell(item: Item, state: str) -> None:
        await kinds[item["type"]].ending(services, item, state)

    return await jobs.run_job(
        job_id,
        {name: partial(kind.step, services) for name, kind in kinds.items()},
        jobs=services.database["jobs"],
        hub=services.hubs.jobs,
        now=services.clock,
        ending=tell,
    )


async def _end_export(services: Services, item: Item, state: str) -> None:
    from export_user_data.copying.steps import Tools, end  # noqa: PLC0415 - the worker alone needs what makes a copy

    await end(Tools.of(services), item, state, now=services.clock())


async def _build_export(services: Services, lease: jobs.Lease) -> jobs.Stepped:
    """Do the next step of a copy."""
    from export_user_data.copying.steps import Tools, step  # noqa: PLC0415 - the worker alone needs what makes a copy
    from export_user_data.documents.bundled import documents_for  # noqa: PLC0415 - as above

    documents = partial(documents_for, about=services.settings.installation)
    return await step(Tools.of(services, documents), lease)
