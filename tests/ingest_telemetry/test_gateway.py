"""The gateway: every reading gets its receipt, and only what is declared, plausible and open goes on."""

import gc
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from ingest_telemetry.contract import Envelope, Receipt
from ingest_telemetry.gateway import accept_message
from ingest_telemetry.items import admit
from ingest_telemetry.messages import HubEvent, message_of
from ingest_telemetry.schemas import schema_of
from ingest_telemetry.storing import store_events
from shared import clock
from shared.callers import Monitor
from shared.cosmos import Database
from shared.data_map import READINGS, ReadingField
from shared.errors import Problem
from shared.gate import create_gate
from shared.policy import Policy, Window
from tests.doubles import RecordingCounters, RecordingHub

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPENED = NOW - timedelta(days=1)


def bodies(hub: RecordingHub) -> list[dict[str, Any]]:
    """What was sent, its columns as readings."""
    written = [json.loads(body) for body, _, _ in hub.sent]
    return [body | {"readings": list(rows(body["columns"]))} for body in written]


def rows(columns: dict[str, dict[str, list[Any]]]) -> Iterator[dict[str, Any]]:
    for kind, of_kind in columns.items():
        for values in zip(*of_kind.values(), strict=True):
            row = dict(zip(of_kind, values, strict=True))
            yield {"kind": kind} | {name: value for name, value in row.items() if value is not None}


def monitor(*categories: str) -> Monitor:
    windows = {category: (Window(OPENED),) for category in ("usage", *categories)}
    return Monitor("device", "ownership", Policy(epoch=1, start=OPENED, windows=windows))


def call(**fields: Any) -> dict[str, Any]:
    return {"kind": "call", "observedAt": "2026-03-01T11:59:00Z", "outcome": "answered", **fields}


def health(**fields: Any) -> dict[str, Any]:
    return {"kind": "system_health", "observedAt": "2026-03-01T11:59:00Z", **fields}


async def sent(
    *readings: dict[str, Any],
    caller: Monitor | None = None,
    now: datetime = NOW,
    monitor_time: str | None = None,
    counters: RecordingCounters | None = None,
    **envelope: Any,
) -> tuple[Receipt, RecordingHub]:
    hub = RecordingHub()
    body = {"schemaVersion": 1, "messageId": str(uuid4()), "sentAt": "2026-03-01T12:00:00Z", "readings": list(readings)}
    written = json.dumps(body | envelope).encode()
    receipt = await accept_message(
        caller or monitor(),
        Envelope.model_validate_json(written),
        written,
        hub=hub,
        counters=counters or RecordingCounters(),
        now=now,
        monitor_time=monitor_time,
    )
    return receipt, hub


async def test_an_accepted_message_is_in_the_hub() -> None:
    """With the verified ownership, the policy and the time of receipt as properties."""
    receipt, hub = await sent(call(durationS=12.5))
    [(_, key, properties)] = hub.sent
    [body] = bodies(hub)
    assert receipt.accepted == 1
    assert body["readings"] == [call(observedAt="2026-03-01T11:59:00.000Z", durationS=12.5)]
    assert (properties["ownershipId"], key) == ("ownership", "ownership")
    assert json.loads(properties["policy"])["epoch"] == 1


async def test_an_undeclared_field_is_dropped_and_counted() -> None:
    """What the data map lacks does not even reach the hub."""
    receipt, hub = await sent(call(callerName="Maria", photo="..."))
    assert receipt.undeclared_fields_dropped == 2
    assert "callerName" not in bodies(hub)[0]["readings"][0]


async def test_performance_without_a_support_case_is_rejected() -> None:
    """The monitor may send it again once its token says that the category is open."""
    receipt, hub = await sent(health(cpuPercent=3))
    [reading] = receipt.receipts
    assert (reading.status, reading.code, reading.retryable) == ("rejected", "category_not_open", True)
    assert hub.sent == []


async def test_performance_with_a_support_case_is_accepted() -> None:
    """The policy in the token opens it."""
    receipt, _ = await sent(health(cpuPercent=3), caller=monitor("performance"))
    assert receipt.accepted == 1


@pytest.mark.parametrize(
    ("reading", "code", "pointer"),
    [
        ({"kind": "diary", "observedAt": "2026-03-01T11:59:00Z"}, "reading_kind_unknown", "/readings/1/kind"),
        ({"observedAt": "2026-03-01T11:59:00Z"}, "reading_kind_unknown", "/readings/1/kind"),
        ({"kind": ["call"]}, "reading_kind_unknown", "/readings/1/kind"),
        (call(outcome="ignored"), "field_out_of_range", "/readings/1/outcome"),
        (call(durationS="12"), "field_wrong_type", "/readings/1/durationS"),
        (call(durationS=-1), "field_out_of_range", "/readings/1/durationS"),
        (call(durationS=1e9), "field_out_of_range", "/readings/1/durationS"),
        ({"kind": "call", "outcome": "missed"}, "field_missing", "/readings/1/observedAt"),
        (call(observedAt="noon"), "field_wrong_type", "/readings/1/observedAt"),
        (call(observedAt="2026-03-01T11:59:00"), "field_out_of_range", "/readings/1/observedAt"),
        (call(observedAt="2020-01-01T00:00:00Z"), "outside_ownership", "/readings/1"),
        (call(observedAt="2026-03-01T12:06:00Z"), "observed_in_future", "/readings/1"),
        (call(observedAt="2199-03-01T12:00:00Z"), "observed_in_future", "/readings/1"),
        (call(observedAt="0001-01-01T00:00:00+14:00"), "field_out_of_range", "/readings/1/observedAt"),
        (call(observedAt="9999-12-31T23:59:59Z"), "field_out_of_range", "/readings/1/observedAt"),
        (call(durationS=float("nan")), "field_out_of_range", "/readings/1/durationS"),
        (call(durationS=float("inf")), "field_out_of_range", "/readings/1/durationS"),
    ],
)
async def test_one_bad_reading_never_sinks_the_rest(reading: dict[str, Any], code: str, pointer: str) -> None:
    """It has its own code and place; its neighbours are accepted."""
    receipt, hub = await sent(call(), reading, call(outcome="missed"))
    assert [one.status for one in receipt.receipts] == ["accepted", "rejected", "accepted"]
    assert (receipt.receipts[1].code, receipt.receipts[1].pointer) == (code, pointer)
    assert len(bodies(hub)[0]["readings"]) == 2


async def test_a_reading_that_is_there_twice_counts_once() -> None:
    """Identical readings of one message are duplicates."""
    receipt, hub = await sent(call(), call())
    assert [one.status for one in receipt.receipts] == ["accepted", "duplicate"]
    assert len(bodies(hub)[0]["readings"]) == 1


async def test_times_are_taken_in_three_forms() -> None:
    """Epoch milliseconds, an offset, Z: one time."""
    _, hub = await sent(
        call(observedAt=1772366340000),
        call(observedAt="2026-03-01T12:59:00+01:00", outcome="missed"),
        call(observedAt="2026-03-01T11:59:00Z", outcome="auto_on"),
    )
    assert {reading["observedAt"] for reading in bodies(hub)[0]["readings"]} == {"2026-03-01T11:59:00.000Z"}


async def test_a_monitor_that_thinks_it_is_1970_is_corrected() -> None:
    """Its readings are placed by how long before sending they were observed."""
    receipt, _ = await sent(call(observedAt="1970-01-01T00:09:00Z"), sentAt="1970-01-01T00:10:00Z")
    assert receipt.accepted == 1


async def test_a_monitor_that_counts_milliseconds_from_its_start_is_corrected() -> None:
    """Small numbers are milliseconds too."""
    receipt, hub = await sent(call(observedAt=540_000), sentAt=600_000)
    assert receipt.accepted == 1
    assert bodies(hub)[0]["sentAt"] == "1970-01-01T00:10:00.000Z"


async def test_kinds_that_a_sender_makes_up_are_not_remembered() -> None:
    """Memory must not grow with what is sent."""
    kinds = [f"made up {number}" for number in range(1000)]
    receipt, _ = await sent(*({"kind": kind} for kind in kinds))
    assert receipt.rejected == len(kinds)
    assert not [kept for kept in gc.get_objects() if isinstance(kept, type) and kept.__name__ in kinds]


def stored(hub: RecordingHub) -> list[dict[str, Any]]:
    """What the worker makes of what was sent."""
    [(body, _, properties)] = hub.sent
    event = HubEvent(body=body, properties=properties, partition="0", sequence_number=1, enqueued_at=NOW)
    message = message_of(event)
    return admit(message, message.policy, now=NOW).items


@pytest.mark.parametrize("waited", [timedelta(minutes=20), timedelta(days=30)])
@pytest.mark.parametrize("says_the_time", [True, False])
async def test_a_message_that_waited_is_not_shifted(waited: timedelta, says_the_time: bool) -> None:
    """The same bytes, sent again after an outage: its times were right when they were written."""
    now = NOW + waited
    _, hub = await sent(call(), now=now, monitor_time=clock.text(now) if says_the_time else None)
    [item] = stored(hub)
    assert (item["observedFrom"], item["timeQuality"]) == ("2026-03-01T11:59:00.000Z", "device")


async def test_waiting_carries_no_reading_into_a_window() -> None:
    """What was measured before the support case opened stays refused, however late it comes."""
    opened = Window(NOW + timedelta(minutes=5))
    policy = Policy(epoch=1, start=OPENED, windows={"performance": (opened,)})
    caller = Monitor("device", "ownership", policy)
    receipt, _ = await sent(health(cpuPercent=1), caller=caller, now=NOW + timedelta(minutes=20))
    assert [one.code for one in receipt.receipts] == ["category_not_open"]


@pytest.mark.parametrize(
    ("monitor_time", "sent_at", "offset_s"),
    [
        ("2026-03-01T11:50:00Z", "2026-03-01T11:50:00Z", 600),
        ("2026-03-01T11:50:00Z", "2026-03-01T11:20:00Z", 600),
        ("2026-03-01T12:10:00Z", "2026-03-01T12:00:00Z", -600),
        ("2026-03-01T11:55:00Z", "2026-03-01T11:00:00Z", 0),
        (None, "2026-03-01T12:10:00Z", -600),
        (None, "2026-03-01T12:05:00Z", 0),
        (None, "2026-01-29T12:00:00Z", 0),
        (None, "2026-01-29T11:59:59Z", 2678401),
    ],
)
async def test_gateway_and_worker_correct_a_clock_alike(
    monitor_time: str | None, sent_at: str, offset_s: float
) -> None:
    """By what the monitor says of its present time; without it, by what no message's waiting explains."""
    observed_at = clock.text(NOW - timedelta(minutes=1, seconds=offset_s))
    receipt, hub = await sent(call(observedAt=observed_at), monitor_time=monitor_time, sentAt=sent_at)
    [item] = stored(hub)
    assert receipt.accepted == 1
    assert (item["clockOffsetS"], item["observedFrom"]) == (offset_s, "2026-03-01T11:59:00.000Z")


@pytest.mark.parametrize("written", ["noon", "600000", "", "2026-03-01T12:00:00", "9999-12-31T23:59:59Z"])
async def test_a_present_time_that_is_none_is_refused(written: str) -> None:
    """Correcting by it would place readings anywhere."""
    with pytest.raises(Problem, match="monitor_time_invalid"):
        await sent(call(), monitor_time=written)


async def test_an_unknown_envelope_version_is_refused_as_a_whole() -> None:
    """Nothing of it can be understood for sure."""
    with pytest.raises(Problem, match="schema_version_unsupported"):
        await sent(call(), schemaVersion=2)


async def test_a_hub_that_does_not_answer_is_no_acceptance() -> None:
    """The monitor keeps its message: never a false 202."""
    body = {"schemaVersion": 1, "messageId": str(uuid4()), "sentAt": "2026-03-01T12:00:00Z", "readings": [call()]}
    written, away = json.dumps(body).encode(), RecordingHub(is_away=True)
    message = Envelope.model_validate_json(written)
    with pytest.raises(Problem, match="hub_unavailable"):
        await accept_message(monitor(), message, written, hub=away, counters=RecordingCounters(), now=NOW)


async def test_the_bytes_of_a_message_tell_it_apart() -> None:
    """The same bytes are the same message, and one that was written otherwise is another one under the same id."""
    message_id = str(uuid4())
    hashes = [
        (await sent(call(durationS=length), messageId=message_id))[1].sent[0][2]["messageHash"]
        for length in (1.0, 1.0, 2.0)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


async def test_what_varies_by_product_comes_in_a_map_of_its_own() -> None:
    """It is stored like every other field; what is not declared there is dropped and counted; limits hold."""
    extra = {"batteryPercent": 80, "sdCardInserted": True, "favouriteColour": "red"}
    receipt, hub = await sent(health(cpuPercent=3, extra=extra), caller=monitor("performance"))
    assert (receipt.accepted, receipt.undeclared_fields_dropped) == (1, 1)
    [body] = bodies(hub)
    [reading] = body["readings"]
    assert (reading["batteryPercent"], reading["sdCardInserted"], reading["cpuPercent"]) == (80, True, 3)
    assert "extra" not in reading
    receipt, _ = await sent(health(extra={"batteryPercent": 101}), caller=monitor("performance"))
    [rejected] = receipt.receipts
    assert (rejected.code, rejected.pointer) == ("field_out_of_range", "/readings/0/extra/batteryPercent")


async def test_a_declared_field_is_where_it_is_declared() -> None:
    """One of the map beside the map is not declared there, nor the other way round."""
    receipt, hub = await sent(
        health(batteryPercent=80, extra={"cpuPercent": 3}, cpuPercent=4), caller=monitor("performance")
    )
    assert (receipt.accepted, receipt.undeclared_fields_dropped) == (1, 2)
    [body] = bodies(hub)
    assert {"batteryPercent"} & body["readings"][0].keys() == set()
    assert body["readings"][0]["cpuPercent"] == 4


@pytest.mark.parametrize(
    "personal",
    ["maria@example.com", "0A:1B:2C:3D:4E:5F", "192.168.1.17", "+34 612 345 678", "fe80::1ff:fe23:4567:890a"],
)
async def test_an_event_log_is_scrubbed_before_it_goes_on(personal: str) -> None:
    """Neither the hub nor the database ever has it."""
    counters = RecordingCounters()
    line = {
        "kind": "event_log",
        "observedAt": "2026-03-01T11:59:00Z",
        "level": "error",
        "message": f"call from {personal} failed",
        "component": f"sip {personal}",
    }
    _, hub = await sent(line, caller=monitor("performance"), counters=counters)
    [(body, _, properties)] = hub.sent
    assert personal not in body.decode() + json.dumps(properties)
    assert "failed" in body.decode()
    assert counters.counted["telemetry.text_scrubbed"] == 2


async def test_many_lines_of_a_log_are_each_scrubbed() -> None:
    """Readings that are sound together are not passed on unread."""
    lines = [
        {
            "kind": "event_log",
            "observedAt": f"2026-03-01T11:{minute:02}:00Z",
            "level": "info",
            "message": f"hello maria{minute}@example.com",
        }
        for minute in range(59)
    ]
    receipt, hub = await sent(*lines, caller=monitor("performance"))
    [(body, _, _)] = hub.sent
    assert receipt.accepted == 59
    assert b"example.com" not in body


async def test_what_is_rejected_is_counted_by_reason() -> None:
    """And so are fields that are not declared; nothing of what was sent is in a counter."""
    counters = RecordingCounters()
    await sent(
        health(), {"kind": "gossip", "observedAt": 0}, call(durationS=-1), call(nickname="x"), call(), counters=counters
    )
    assert counters.counted == {
        "gateway.category_not_open": 1,
        "gateway.reading_kind_unknown": 1,
        "gateway.field_out_of_range": 1,
        "telemetry.field_dropped": 1,
    }


@pytest.mark.wire
@pytest.mark.parametrize("kind", READINGS)
async def test_every_declared_field_is_accepted_and_stored(kind: str, database: Database) -> None:
    """From the monitor's words to a column of its own."""
    [reading] = [whole(kind)]
    receipt, hub = await sent(reading, caller=monitor("performance"))
    assert (receipt.accepted, receipt.undeclared_fields_dropped) == (1, 0)
    [(body, _, properties)] = hub.sent
    await create_gate(database["telemetry"], "ownership", monitor("performance").policy)
    event = HubEvent(body=body, properties=properties, partition="0", sequence_number=1, enqueued_at=NOW)
    await store_events([event], database=database, now=lambda: NOW)
    query = "SELECT * FROM c WHERE IS_DEFINED(c.columns)"
    [item] = [item async for item in database["telemetry"].query(query, partition="ownership")]
    assert item["columns"][kind].keys() == {"observedAt", *READINGS[kind].fields}


def whole(kind: str) -> dict[str, Any]:
    """A reading of a kind with every field that it may have."""

    def value(field: ReadingField) -> Any:
        if field.type == "choice":
            return field.choices[-1]
        return {"text": "text", "flag": False, "integer": field.maximum, "number": field.minimum}[field.type]

    fields = READINGS[kind].fields
    beside = {name: value(field) for name, field in fields.items() if not field.in_extra}
    extra = {name: value(field) for name, field in fields.items() if field.in_extra}
    return {"kind": kind, "observedAt": "2026-03-01T11:59:00Z", **beside, **({"extra": extra} if extra else {})}


@pytest.mark.parametrize("kind", READINGS)
def test_the_published_schema_says_what_the_gateway_takes(kind: str) -> None:
    """A message that matches is accepted, in the three forms of time; units and categories are in it."""
    schema = schema_of("1")
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for observed_at in ("2026-03-01T11:59:00Z", "2026-03-01T12:59:00+01:00", 1772366340000):
        message = {
            "schemaVersion": 1,
            "messageId": str(uuid4()),
            "sentAt": observed_at,
            "readings": [whole(kind) | {"observedAt": observed_at}],
        }
        validator.validate(message)
        assert not validator.is_valid(message | {"schemaVersion": 2})
        assert not validator.is_valid(message | {"readings": [{"kind": kind}]})
    units = {field.unit for field in READINGS[kind].fields.values() if field.unit}
    assert units <= set(re.findall(r'"unit": "([^"]*)"', json.dumps(schema, ensure_ascii=False)))


@pytest.mark.parametrize("version", ["0", "2", "latest", "01"])
def test_no_other_version_is_published(version: str) -> None:
    """As long as there is none."""
    with pytest.raises(Problem, match="schema_unknown"):
        schema_of(version)
