"""Storing: once, under the policy in force, whatever comes twice, late, malformed or at the wrong moment."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from ingest_telemetry import storing
from ingest_telemetry.messages import HubEvent, Message
from ingest_telemetry.storing import store_events
from ingest_telemetry.writing import OPERATIONS_LIMIT
from shared.clock import moment
from shared.cosmos import BatchFailed, Container, Create, Database, Item, Operation
from shared.gate import KeptChanging
from shared.policy import Policy, Window
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.owned import Owned

pytestmark = pytest.mark.wire


async def quarantined(database: Database) -> list[Item]:
    return [item async for item in database["quarantine"].query("SELECT * FROM c")]


async def test_readings_are_stored_as_columns(owned: Owned) -> None:
    """One item per message and category, with one list per field."""
    await store_events([owned.event(owned.call(durationS=3.5), owned.call("missed"))], database=owned.database)
    [item] = await owned.stored()
    assert item["count"] == 2
    assert item["columns"]["call"]["outcome"] == ["answered", "missed"]
    assert item["columns"]["call"]["durationS"] == [3.5, None]
    assert item["ttl"] > 0


async def test_an_event_of_the_row_form_is_the_same_message(owned: Owned) -> None:
    """Events that were sent before readings travelled as columns are stored alike, and known when they come again."""
    event = owned.event(owned.call(durationS=3.5), owned.call("missed"))
    body = json.loads(event.body)
    columns = body.pop("columns")["call"]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    body["readings"] = [{"kind": "call"} | {name: v for name, v in row.items() if v is not None} for row in rows]
    older = replace(event, body=json.dumps(body).encode())
    await store_events([older], database=owned.database)
    outcome = await store_events([event], database=owned.database)
    [item] = await owned.stored()
    assert (item["columns"]["call"]["outcome"], outcome.items_repeated) == (["answered", "missed"], 1)


async def test_a_redelivered_batch_changes_nothing(owned: Owned, other: Owned) -> None:
    """The hub delivers at least once, with other boundaries."""
    events = [owned.event(), other.event(), owned.event(), owned.raw(b"not json")]
    await store_events(events, database=owned.database)
    before = [await owned.stored(), await other.stored(), await quarantined(owned.database)]
    outcome = await store_events(events[1:], database=owned.database)
    await store_events(events[:2], database=owned.database)
    assert [await owned.stored(), await other.stored(), await quarantined(owned.database)] == before
    assert outcome.items_repeated == 2
    assert outcome.items_stored == 0


async def test_a_new_message_beside_repeated_ones_is_stored(owned: Owned) -> None:
    """What is there already is left out of the batch, the rest is written."""
    first = [owned.event() for _ in range(5)]
    await store_events(first, database=owned.database)
    outcome = await store_events([*first, owned.event()], database=owned.database)
    assert (outcome.items_stored, outcome.items_repeated) == (1, 5)
    assert len(await owned.stored()) == 6


async def test_the_same_id_with_another_body_is_quarantined(owned: Owned) -> None:
    """The first one stays as it was stored."""
    message_id = str(uuid4())
    await store_events([owned.event(owned.call("answered"), message_id=message_id)], database=owned.database)
    outcome = await store_events([owned.event(owned.call("missed"), message_id=message_id)], database=owned.database)
    [item] = await owned.stored()
    [malformed] = await owned.stored("attributableMalformed")
    assert item["columns"]["call"]["outcome"] == ["answered"]
    assert malformed["reason"] == "message_id_reused"
    assert outcome.events_quarantined == 1


async def test_the_same_id_twice_in_one_batch_is_told_apart(owned: Owned) -> None:
    """A resend counts once, another body under the same id is quarantined."""
    message_id = str(uuid4())
    same = owned.event(owned.call("answered"), message_id=message_id)
    resent = replace(same, sequence_number=50)
    other_body = owned.event(owned.call("missed"), message_id=message_id)
    outcome = await store_events([same, resent, other_body], database=owned.database)
    assert (outcome.items_stored, outcome.items_repeated, outcome.events_quarantined) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "stamped", "reason"),
    [
        (b"", {}, "unattributable"),
        (b"not json", {"ownershipId": "ownership-a", "policy": "{}"}, "properties_unreadable"),
    ],
)
async def test_an_unattributable_event_is_quarantined(
    owned: Owned, body: bytes, stamped: dict[str, str], reason: str
) -> None:
    """As received, with the reason, and its neighbours are stored."""
    outcome = await store_events([owned.event(), owned.raw(body, **stamped), owned.event()], database=owned.database)
    [item] = await quarantined(owned.database)
    assert item["reason"] == reason
    assert (outcome.items_stored, outcome.events_quarantined) == (2, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\xfe\x00", "body_unreadable"),
        (b"{", "body_unreadable"),
        (b"", "body_unreadable"),
        (b"[]", "schema_unreadable"),
        (b"{}", "schema_unreadable"),
        (b'{"messageId":"m","schemaVersion":1,"sentAt":"x","readings":[]}', "schema_unreadable"),
        (
            b'{"messageId":"m","schemaVersion":1,"sentAt":"2026-03-01T12:00:00Z","readings":[{"kind":"diary"}]}',
            "schema_unreadable",
        ),
        (b'{"messageId":"m","schemaVersion":1,"sentAt":"2026-03-01T12:00:00","readings":[]}', "schema_unreadable"),
    ],
)
async def test_a_malformed_event_of_a_known_monitor_stays_with_its_owner(
    owned: Owned, body: bytes, reason: str
) -> None:
    """It lies in the ownership's own partition, so that the owner's erasure reaches it."""
    stamped = {str(name): str(value) for name, value in owned.event().properties.items()}
    outcome = await store_events([owned.event(), owned.raw(body, **stamped)], database=owned.database)
    [item] = await owned.stored("attributableMalformed")
    assert item["reason"] == reason
    assert await quarantined(owned.database) == []
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_huge_body_is_cut_in_quarantine(owned: Owned) -> None:
    """Above what the hub takes at all; the item says that it was cut."""
    await store_events([owned.raw(b"x" * 1_200_000)], database=owned.database)
    [item] = await quarantined(owned.database)
    assert (item["truncated"], item["sizeBytes"]) == (True, 1_200_000)
    assert len(item["body"]) < 1_400_000


async def test_more_than_one_batch_of_operations_is_stored(owned: Owned) -> None:
    """The store takes a hundred operations at once; a backlog has more."""
    events = [owned.event() for _ in range(OPERATIONS_LIMIT + 20)]
    outcome = await store_events(events, database=owned.database)
    assert outcome.items_stored == len(events)
    assert len(await owned.stored()) == len(events)


async def test_a_message_decided_under_an_old_policy_is_decided_again(owned: Owned) -> None:
    """The token still says that usage is open; the gate says that it is not any more."""
    event = owned.event()
    await changed(
        owned.database["telemetry"],
        owned.id,
        lambda policy: policy.without_window("usage", Window(owned.policy.start)),
    )
    outcome = await store_events([event], database=owned.database)
    assert outcome.readings_refused == {"category_not_open": 1}
    assert await owned.stored() == []


async def test_a_token_from_the_future_policy_decides_the_batch(owned: Owned) -> None:
    """Mixed epochs in one invocation are decided under the highest one."""
    old = owned.event({"kind": "system_health", "observedAt": owned.clock().isoformat(), "cpuPercent": 5.0})
    opened = await changed(
        owned.database["telemetry"],
        owned.id,
        lambda policy: policy.with_window("performance", Window(owned.clock())),
    )
    outcome = await store_events([old, owned.event(policy=opened)], database=owned.database)
    assert outcome.readings_refused == {}
    assert len(await owned.stored("performanceReadings")) == 1


async def test_what_the_gate_refuses_is_counted_and_not_kept(owned: Owned) -> None:
    """Neither as readings nor in quarantine."""
    early = owned.call() | {"observedAt": (owned.clock() - timedelta(days=3)).isoformat()}
    health = {"kind": "system_health", "observedAt": owned.clock().isoformat(), "cpuPercent": 5.0}
    outcome = await store_events([owned.event(early, health, owned.call())], database=owned.database)
    assert outcome.readings_refused == {"outside_ownership": 1, "category_not_open": 1}
    [item] = await owned.stored()
    assert item["count"] == 1
    assert await quarantined(owned.database) == []


async def test_an_ownership_without_a_gate_is_refused(owned: Owned) -> None:
    """A worker never makes a gate: an ownership without one does not exist."""
    stranger = Owned(owned.database, owned.clock, "nowhere")
    outcome = await store_events([stranger.event(), owned.event()], database=owned.database)
    assert outcome.readings_refused == {"no_gate": 1}
    assert await stranger.stored() == []
    assert len(await owned.stored()) == 1


async def test_an_erased_ownership_stores_nothing(owned: Owned) -> None:
    """Not even what could not be read."""
    events = [owned.event(), owned.raw(b"{", **{n: str(v) for n, v in owned.event().properties.items()})]
    await changed(owned.database["telemetry"], owned.id, lambda policy: replace(policy, tombstone=True))
    outcome = await store_events(events, database=owned.database)
    assert (outcome.items_stored, outcome.events_quarantined) == (0, 0)
    assert await owned.stored() == []
    assert await owned.stored("attributableMalformed") == []


async def test_a_policy_that_changes_under_many_workers_loses_nothing(owned: Owned) -> None:
    """Workers write while the policy changes again and again: every message is stored once."""
    events = [owned.event() for _ in range(60)]

    def opened(hours: int, policy: Policy) -> Policy:
        return policy.with_window("performance", Window(owned.clock() + timedelta(hours=hours)))

    async def changes() -> None:
        for hours in range(10):
            await changed(owned.database["telemetry"], owned.id, partial(opened, hours))

    async def stored_at_last(batch: list[HubEvent]) -> None:
        for _ in range(50):  # as the trigger's retry policy does, but not for ever
            try:
                await store_events(batch, database=owned.database)
            except* KeptChanging:
                pass
            else:
                return
        raise AssertionError("the batch was never stored")

    await asyncio.gather(changes(), *(stored_at_last(events[start : start + 10]) for start in range(0, 60, 10)))
    stored = await owned.stored()
    sent = {json.loads(event.body)["messageId"] for event in events}
    assert {item["messageId"] for item in stored} == sent
    assert len(stored) == len(sent)


async def test_an_id_reused_in_two_categories_is_quarantined_once(owned: Owned) -> None:
    """Both items of the message are taken already; the event is one, and is set aside once, however often it comes."""
    await owned.open_performance()
    message_id = str(uuid4())
    await store_events([owned.event(owned.call(), owned.health(), message_id=message_id)], database=owned.database)
    other_body = owned.event(owned.call("missed"), owned.health(9.0), message_id=message_id)
    outcome = await store_events([other_body, owned.event()], database=owned.database)
    await store_events([other_body], database=owned.database)
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)
    assert len(await owned.stored("attributableMalformed")) == 1


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_message_that_the_store_never_takes_is_quarantined(owned: Owned) -> None:
    """It is too large as the client writes it: set aside alone, and all beside it is stored."""
    await owned.open_performance()
    too_large = owned.event(*(owned.log(f"{number:04}" + "\U0001f600" * 220) for number in range(1000)))
    outcome = await store_events([owned.event(), too_large, owned.event()], database=owned.database)
    [item] = await owned.stored("attributableMalformed")
    assert item["reason"] == "store_refused"
    assert (outcome.items_stored, outcome.events_quarantined, outcome.events_lost) == (2, 1, 0)


async def test_a_backlog_of_accented_text_fits(owned: Owned) -> None:
    """Batches are measured as they are sent: every letter beyond ASCII takes six bytes."""
    await owned.open_performance()
    texts = [owned.log(f"{number}" + "é" * 490) for number in range(60)]
    outcome = await store_events([owned.event(*texts) for _ in range(12)], database=owned.database)
    assert (outcome.items_stored, outcome.events_quarantined) == (12, 0)


@pytest.mark.parametrize("status", [400, 413])
async def test_what_the_store_refuses_for_good_is_found_among_its_neighbours(
    owned: Owned, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The batch is refused as a whole; the one message that is to blame is quarantined."""
    events = [owned.event() for _ in range(9)]
    blamed = json.loads(events[4].body)["messageId"]
    refuse(monkeypatch, status, lambda item: item.get("messageId") == blamed)
    outcome = await store_events(events, database=owned.database)
    assert (outcome.items_stored, outcome.events_quarantined) == (8, 1)


async def test_what_is_refused_in_quarantine_too_is_an_alarm(
    owned: Owned, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would hold up everything behind it for ever: it is counted, and somebody is told."""
    refuse(monkeypatch, 400, lambda _: True)
    outcome = await store_events([owned.event()], database=owned.database)
    assert (outcome.events_quarantined, outcome.events_lost) == (0, 1)
    assert "ALARM quarantine_refused" in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404, 408, 410, 429, 449, 500, 503])
async def test_what_says_nothing_of_the_item_is_raised(
    owned: Owned, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """An outage, a throttled store or a lost right loses nothing: the batch comes again."""
    refuse(monkeypatch, status, lambda _: True)
    with pytest.raises(ExceptionGroup):
        await store_events([owned.event()], database=owned.database)
    assert await owned.stored("attributableMalformed") == []


async def test_a_failing_ownership_does_not_sink_its_neighbours(
    owned: Owned, database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else of the batch is stored before the failure is raised."""
    others = [await Owned(database, clock, f"ownership-{number}").begin() for number in range(40)]
    refuse(monkeypatch, 503, lambda item: item["ownershipId"] == owned.id)
    with pytest.raises(ExceptionGroup):
        await store_events([owned.event(), *(other.event() for other in others)], database=database)
    assert [len(await other.stored()) for other in others] == [1] * len(others)


async def test_a_batch_that_takes_too_long_is_raised(owned: Owned, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's own limit would let the stream go on behind it."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Container, "batch", hang)
    monkeypatch.setattr("ingest_telemetry.storing.INVOCATION_LIMIT_S", 0.05)
    with pytest.raises(TimeoutError):
        await store_events([owned.event()], database=owned.database)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schemaVersion": float("inf")}, "schema_unreadable"),
        ({"messageId": "a/b"}, "schema_unreadable"),
        ({"messageId": "x" * 2000}, "schema_unreadable"),
        ({"sentAt": "9999-12-31T23:59:59-14:00"}, "schema_unreadable"),
        ({"sentAt": "0001-01-01T00:00:00+14:00"}, "schema_unreadable"),
        ({"readings": [{"kind": "call", "observedAt": "9999-12-31T23:59:59Z"}]}, "schema_unreadable"),
        ({"readings": [{"kind": ["call"], "observedAt": "2026-03-01T12:00:00Z"}]}, "schema_unreadable"),
        ({"readings": [{"kind": "call"}]}, "schema_unreadable"),
        ({"readings": [["call"]]}, "schema_unreadable"),
        ({"columns": [["call"]]}, "schema_unreadable"),
        ({"columns": {}}, "schema_unreadable"),
        ({"columns": {"call": {}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": []}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": "2026-03-01T12:00:00.000Z"}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": ["2026-13-01T12:00:00.000Z"]}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": ["9999-12-31T23:59:59.000Z"]}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": [None]}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": ["2026-03-01T12:00:00.000Z"], "outcome": []}}}, "schema_unreadable"),
        ({"columns": {"call": {"observedAt": ["2026-03-01T12:00:00.000Z"] * 1001}}}, "schema_unreadable"),
        ({"columns": {"diary": {"observedAt": ["2026-03-01T12:00:00.000Z"]}}}, "schema_unreadable"),
    ],
)
async def test_no_content_of_a_body_escapes(owned: Owned, changes: dict[str, Any], reason: str) -> None:
    """Whatever lies in the hub is quarantined, and what is beside it stored."""
    body = json.dumps(json.loads(owned.event().body) | changes).encode()
    outcome = await store_events([owned.raw(body, **owned.event().properties), owned.event()], database=owned.database)
    [item] = await owned.stored("attributableMalformed")
    assert item["reason"] == reason
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_body_of_endless_depth_is_quarantined(owned: Owned) -> None:
    """It would exhaust the stack of whoever reads it."""
    outcome = await store_events(
        [owned.raw(b'{"a":' * 200_000, **owned.event().properties), owned.event()], database=owned.database
    )
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": '{"epoch":1,"start":"2026-03-01T12:00:00Z","windows":[]}'},
        {"policy": '{"epoch":Infinity,"start":"2026-03-01T12:00:00Z","windows":{}}'},
        {"policy": "[" * 100_000},
        {"receivedAt": "9999-12-31T23:59:59-14:00"},
        {"clockOffsetS": "nan"},
        {"clockOffsetS": "1e300"},
        {"ownershipId": "a/b"},
        {"ownershipId": "x" * 3000},
    ],
)
async def test_no_content_of_the_properties_escapes(owned: Owned, changes: dict[str, str]) -> None:
    """Properties that the gateway did not write attribute nothing."""
    event = owned.event()
    outcome = await store_events(
        [owned.raw(event.body, **{**event.properties, **changes}), owned.event()], database=owned.database
    )
    assert len(await quarantined(owned.database)) == 1
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)


@pytest.mark.parametrize("place", ["message_of", "admit"])
async def test_a_fault_of_ours_in_one_event_costs_its_neighbours_nothing(
    owned: Owned, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """What nobody has thought of: the event is kept as it came, attributed, and the rest is stored."""
    poison = owned.event(owned.call("missed"))
    real = getattr(storing, place)

    def faulty(what: Any, *args: Any, **named: Any) -> Any:
        if what is poison or (isinstance(what, Message) and what.columns["call"]["outcome"] == ["missed"]):
            raise ZeroDivisionError
        return real(what, *args, **named)

    monkeypatch.setattr(storing, place, faulty)
    outcome = await store_events([owned.event(), poison, owned.event()], database=owned.database)
    assert len(await owned.stored("attributableMalformed")) == 1
    assert (outcome.items_stored, outcome.events_quarantined) == (2, 1)


@pytest.mark.parametrize("stamped", [True, False])
async def test_a_redelivery_after_a_case_was_closed_is_the_same_message(owned: Owned, stamped: bool) -> None:
    """A policy that admits less now makes no other message of it: nothing that is refused ends in quarantine."""
    begun = owned.clock() - timedelta(hours=10)
    await owned.open_performance()
    early = owned.health(1.0) | {"observedAt": (begun + timedelta(hours=1)).isoformat()}
    event = owned.event(early, owned.health(2.0))
    if not stamped:
        event = replace(event, properties={n: v for n, v in event.properties.items() if n != "messageHash"})
    await store_events([event], database=owned.database)
    narrowed = await changed(
        owned.database["telemetry"],
        owned.id,
        lambda policy: policy.without_window("performance", Window(owned.policy.start)).with_window(
            "performance", Window(owned.clock() - timedelta(hours=1))
        ),
    )
    again = replace(event, properties={**event.properties, "policy": json.dumps(narrowed.claims())})
    outcome = await store_events([again], database=owned.database)
    assert (outcome.items_repeated, outcome.events_quarantined) == (1, 0)
    assert await owned.stored("attributableMalformed") == []


async def test_the_stamped_hash_tells_messages_apart(owned: Owned) -> None:
    """Two messages of which the same was accepted are two all the same."""
    message_id = str(uuid4())
    event = owned.event(message_id=message_id)
    other = replace(event, properties={**event.properties, "messageHash": "0" * 64}, sequence_number=77)
    outcome = await store_events([event, other], database=owned.database)
    assert (outcome.items_stored, outcome.events_quarantined) == (1, 1)


async def test_sequence_numbers_that_begin_again_lose_nothing(owned: Owned) -> None:
    """A hub was made anew: another event has the partition and number of one that is in quarantine."""
    for body in (b"first", b"second"):
        await store_events([replace(owned.raw(body), sequence_number=1)], database=owned.database)
    assert len(await quarantined(owned.database)) == 2


async def test_time_in_the_hub_counts_towards_retention(owned: Owned) -> None:
    """The store counts from the writing, retention from the receipt."""
    events = [owned.event(), owned.raw(b"{")]
    owned.clock.forward(hours=20)
    await store_events(events, database=owned.database, now=owned.clock)
    for item in [*await owned.stored(), *await quarantined(owned.database)]:
        expires_at = moment(item["expiresAt"])
        assert owned.clock() + timedelta(seconds=item["ttl"]) == expires_at


def refuse(monkeypatch: pytest.MonkeyPatch, status: int, blamed: Callable[[Mapping[str, Any]], bool]) -> None:
    """Let the store refuse every batch that creates such an item."""
    real = Container.batch

    async def batch(container: Container, partition: str, operations: Sequence[Operation]) -> None:
        for index, operation in enumerate(operations):
            if isinstance(operation, Create) and blamed(operation.item):
                raise BatchFailed(status, index)
        await real(container, partition, operations)

    monkeypatch.setattr(Container, "batch", batch)
