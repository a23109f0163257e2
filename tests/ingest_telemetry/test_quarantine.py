"""What cannot be stored: set aside as it came, within bounds, and handled by staff under the eyes of the ledger."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ingest_telemetry import quarantine
from ingest_telemetry.kept_events import PROPERTY_LIMIT
from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.outcome import LASTING_FROM, log_failure
from ingest_telemetry.quarantine import QuarantineFullError
from ingest_telemetry.quarantine_contract import ListQuarantine
from ingest_telemetry.quarantine_desk import PAGE_LENGTH, Desk
from ingest_telemetry.storing import store_events
from shared import ledger
from shared.callers import Role, Staff
from shared.clock import moment, text
from shared.contract import Purpose
from shared.cosmos import Container, Database, Item, Stale
from shared.counters import ALARM_FROM, NAMES, Counters
from shared.data_map import HUBS
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point, listening
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.doubles import RecordingHub, changed
from tests.hosts import cut_off
from tests.people import IDENTITY_KEY, SERIAL, House
from tests.poison import POISON, Poison, stamp

pytestmark = [pytest.mark.wire, pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")]

ENGINEER = Staff("e" * 32, frozenset({Role.FLEET}))
WHY = Purpose.SECURITY_INCIDENT


class Yard:
    """Maria's monitor, the hub that its events come from, and an engineer who looks at what was set aside."""

    def __init__(self, house: House) -> None:
        """Nobody lives here yet."""
        self.house = house
        self.database = house.database
        self.clock = house.clock
        self.hub = RecordingHub()
        self.counters = Counters(house.database["counters"], house.clock, write_every_s=0.01)
        self._sequence = 0

    async def move_in(self) -> "Yard":
        self.ownership_id = (await self.house.pair("maria")).ownership_id
        self.policy = await load_policy(self.database["telemetry"], self.ownership_id)
        return self

    def event(self, body: bytes, properties: dict[str, Any], partition: str = "0") -> HubEvent:
        self._sequence += 1
        return HubEvent(
            body=body,
            properties=properties,
            partition=partition,
            sequence_number=self._sequence,
            enqueued_at=self.clock(),
        )

    def stamped(self, body: bytes) -> HubEvent:
        return self.event(body, stamp(self.ownership_id, self.policy))

    def message(self) -> HubEvent:
        observed_at = text(self.clock() + timedelta(seconds=1))
        body, properties = event_of(
            Message(
                ownership_id=self.ownership_id,
                policy=self.policy,
                message_id="4c9e1a52-7f0b-4d57-9a53-0f2f7a1f0003",
                schema_version=1,
                sent_at=self.clock(),
                received_at=self.clock() + timedelta(minutes=1),
                readings=[{"kind": "call", "observedAt": observed_at, "outcome": "answered"}],
            )
        )
        return self.event(body, properties)

    async def store(self, *events: HubEvent) -> dict[str, int]:
        outcome = await store_events(events, database=self.database, counters=self.counters, now=self.clock)
        return {"stored": outcome.items_stored, "set aside": outcome.events_quarantined, "lost": outcome.events_lost}

    async def held(self) -> list[Item]:
        """What is set aside, the monitor's first."""
        query = "SELECT * FROM c WHERE c.enqueuedAt > ''"
        mine = [item async for item in self.database["telemetry"].query(query, partition=self.ownership_id)]
        return mine + [item async for item in self.database["quarantine"].query(query)]

    async def of_monitor(self) -> Desk:
        return await Desk.of_monitor(
            ENGINEER, WHY, SERIAL, database=self.database, identity_key=IDENTITY_KEY, now=self.clock()
        )

    def of_nobody(self, partition: str = "0") -> Desk:
        return Desk.of_nobody(ENGINEER, WHY, f"telemetry/{partition}", database=self.database, now=self.clock())

    async def desk(self, item: Item) -> Desk:
        return await self.of_monitor() if "ownershipId" in item else self.of_nobody()

    def replayed(self) -> list[HubEvent]:
        """What was sent again, as the hub delivers it: at another place."""
        return [self.event(body, properties, partition="3") for body, _, properties in self.hub.sent]

    async def recorded(self, person_id: str | None = "maria") -> list[str]:
        subject = ledger.SERVICE_SUBJECT
        if person_id is not None:
            subject = await ledger.subject_of(person_id, people=self.database["people"])
        chain = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        return [item["action"] async for item in chain if item["actorKind"] == "staff:fleet"]


@pytest.fixture
async def yard(database: Database, device_keys: KeySet, clock: SettableClock) -> AsyncIterator[Yard]:
    made = await Yard(House(database, device_keys, clock)).move_in()
    yield made
    await made.counters.close()


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: str(poison.name))
async def test_every_kind_of_poison_is_set_aside_as_it_came(yard: Yard, poison: Poison) -> None:
    """Under its reason, counted under a declared name, with all that a replay needs, and its neighbours are stored."""
    event = yard.stamped(poison.body) if poison.is_stamped else yard.event(poison.body, {"foreign": "x", "n": 7})
    assert await yard.store(event, yard.message()) == {"stored": 1, "set aside": 1, "lost": 0}
    [item] = await yard.held()
    assert (item["reason"], item["type"]) == (
        poison.reason,
        "attributableMalformed" if poison.is_stamped else "malformed",
    )
    assert base64.b64decode(item["body"]) == poison.body
    assert item["sizeBytes"] == len(poison.body)
    assert item["properties"] == (event.properties if poison.is_stamped else {})
    assert not item["truncated"]
    assert f"quarantine.{poison.reason}" in NAMES


async def test_each_reason_is_counted_for_staff(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    """A flood of them raises an alarm, once, and again at the tenfold."""
    await yard.store(*(yard.event(b"%d" % number, {}) for number in range(ALARM_FROM + 5)))
    await yard.counters.write()
    counted: Counter[str] = Counter()
    async for item in yard.database["counters"].query("SELECT * FROM c"):
        counted.update(item["counts"])
    assert counted["quarantine.unattributable"] == ALARM_FROM + 5
    assert [record.getMessage() for record in caplog.records if "ALARM" in record.getMessage()] == [
        f"ALARM quarantine_flood: {ALARM_FROM} in this hour, last quarantine.unattributable"
    ]


async def test_staff_list_what_was_set_aside_in_pages(yard: Yard) -> None:
    """In the order of the hub, whether or not many came at one moment; each once."""
    events = []
    for number in range(PAGE_LENGTH * 2 + 7):
        events.append(yard.event(b"%d" % number, {}))
        if number % 40 == 0:
            yard.clock.forward(seconds=1)
    await yard.store(*events, yard.event(b"elsewhere", {}, partition="1"), yard.stamped(b"maria's"))
    listed: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        page = await yard.of_nobody().page(cursor)
        listed += [one.event_id for one in page.events]
        cursor, pages = page.cursor, pages + 1
    assert pages == 3
    assert len(listed) == len(set(listed)) == len(events)
    [one] = (await (await yard.of_monitor()).page(None)).events
    assert (one.reason, one.size_bytes) == ("body_unreadable", 7)
    assert await yard.recorded(None) == ["quarantine_viewed"] * 3
    assert await yard.recorded() == ["unstored_events_viewed"]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzEsIDJd", base64.b64encode(b'["2026", "x"]').decode()])
async def test_a_cursor_of_ones_own_making_is_refused(yard: Yard, cursor: str) -> None:
    """Before anything is looked at."""
    with pytest.raises(Problem, match="cursor_invalid"):
        await yard.of_nobody().page(cursor)


@pytest.mark.parametrize("named", [{}, {"serialNumber": SERIAL, "partition": 0}])
def test_a_list_is_of_a_monitor_or_of_a_partition(named: dict[str, Any]) -> None:
    """Never of everything at once."""
    with pytest.raises(ValidationError):
        ListQuarantine.model_validate({"purpose": "other", **named})


async def test_staff_see_an_event_as_it_came(yard: Yard) -> None:
    """Raw bytes and the gateway's stamp; and the ledger of whom it is about tells of it."""
    await yard.store(yard.stamped(b"\xff\x00"), yard.event(b"nobody's", {}))
    for item in await yard.held():
        seen = await (await yard.desk(item)).inspect(item["id"])
        assert (seen.body, seen.properties, seen.reason) == (item["body"], item["properties"], item["reason"])
    assert (await yard.recorded(), await yard.recorded(None)) == (["unstored_events_viewed"], ["quarantine_viewed"])


async def test_only_what_is_there_can_be_handled(yard: Yard) -> None:
    """Neither an event of another place nor a monitor that nobody has."""
    await yard.store(yard.stamped(b"{"))
    [item] = await yard.held()
    for doing in (yard.of_nobody().inspect(item["id"]), yard.of_nobody().release(item["id"])):
        with pytest.raises(Problem, match="quarantined_event_unknown"):
            await doing
    with pytest.raises(Problem, match="device_not_registered"):
        await Desk.of_monitor(
            ENGINEER, WHY, "VEO-UNKNOWN", database=yard.database, identity_key=IDENTITY_KEY, now=yard.clock()
        )
    assert await yard.recorded(None) == []


async def test_a_replay_stores_what_can_be_read_by_now(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours set readings aside; when it is mended they are sent again as they came, and stored once."""
    message = yard.message()
    with monkeypatch.context() as broken:
        broken.setattr("ingest_telemetry.storing.admit", lambda *_, **__: 1 / 0)
        assert await yard.store(message) == {"stored": 0, "set aside": 1, "lost": 0}
    [item] = await yard.held()
    for _ in range(2):
        told = await (await yard.of_monitor()).replay(item["id"], hub=yard.hub)
        assert told.replayed_at == yard.clock()
    assert [body for body, _, _ in yard.hub.sent] == [message.body] * 2
    assert all(properties.keys() <= HUBS["telemetry"].properties.keys() for _, _, properties in yard.hub.sent)
    assert await yard.store(*yard.replayed()) == {"stored": 1, "set aside": 0, "lost": 0}
    [kept] = await yard.held()
    assert (kept["handledBy"], kept["purpose"]) == (ENGINEER.staff_id, WHY.value)
    assert moment(kept["expiresAt"]) == yard.clock() + timedelta(seconds=kept["ttl"])
    assert await yard.recorded() == ["unstored_event_replayed"] * 2


async def test_what_fails_again_is_set_aside_once(yard: Yard) -> None:
    """However often it is tried, and wherever the hub puts it."""
    await yard.store(yard.stamped(b"{"), yard.event(b"nobody's", {}))
    before = [item["id"] for item in await yard.held()]
    for item in await yard.held():
        for _ in range(2):
            await (await yard.desk(item)).replay(item["id"], hub=yard.hub)
    assert await yard.store(*yard.replayed()) == {"stored": 0, "set aside": 0, "lost": 0}
    assert [item["id"] for item in await yard.held()] == before
    assert await yard.recorded(None) == ["quarantine_replayed"] * 2


async def test_nobody_can_name_anothers_event(yard: Yard) -> None:
    """An event that says to be the replay of another one, with other bytes, is set aside as what it is."""
    await yard.store(yard.event(b"first", {}))
    [first] = await yard.held()
    await yard.store(yard.event(b"second", {"replayOf": first["id"]}), yard.event(b"third", {"replayOf": "../x"}))
    assert {base64.b64decode(item["body"]) for item in await yard.held()} == {b"first", b"second", b"third"}


@pytest.mark.parametrize("point", ["quarantine.recorded", "quarantine.replayed"])
async def test_a_replay_that_was_cut_off_is_repeated(yard: Yard, point: Point) -> None:
    """Wherever it was: in the end it was sent, is marked, and the ledger knew before."""
    await yard.store(yard.stamped(b"{"))
    [item] = await yard.held()
    await cut_off(point, (await yard.of_monitor()).replay(item["id"], hub=yard.hub))
    assert await yard.recorded() == ["unstored_event_replayed"]
    await (await yard.of_monitor()).replay(item["id"], hub=yard.hub)
    assert "replayedAt" in (await yard.held())[0]
    assert {body for body, _, _ in yard.hub.sent} == {b"{"}


async def test_a_hub_that_is_away_marks_nothing(yard: Yard) -> None:
    """The event stays as it was, to be tried later."""
    await yard.store(yard.stamped(b"{"))
    [item] = await yard.held()
    with pytest.raises(Problem, match="hub_unavailable"):
        await (await yard.of_monitor()).replay(item["id"], hub=RecordingHub(is_away=True))
    assert await yard.held() == [item]


async def test_a_released_event_goes_when_it_expires(yard: Yard) -> None:
    """Marked with who and why; it is not tried again, and a repeat changes nothing."""
    await yard.store(yard.stamped(b"{"), yard.event(b"nobody's", {}))
    yard.clock.forward(hours=1)
    for item in await yard.held():
        released = await (await yard.desk(item)).release(item["id"])
        assert released.released_at == yard.clock()
        yard.clock.forward(hours=1)
        assert await (await yard.desk(item)).release(item["id"]) == released
        with pytest.raises(Problem, match="quarantined_event_released"):
            await (await yard.desk(item)).replay(item["id"], hub=yard.hub)
    for kept in await yard.held():
        assert (kept["handledBy"], kept["purpose"]) == (ENGINEER.staff_id, WHY.value)
        assert timedelta(seconds=kept["ttl"]) == moment(kept["expiresAt"]) - moment(kept["releasedAt"])
    assert yard.hub.sent == []
    assert (await yard.recorded(), await yard.recorded(None)) == (["unstored_event_released"], ["quarantine_released"])


async def test_what_was_cut_is_not_tried_again(yard: Yard) -> None:
    """Neither without the end of its body nor without a property."""
    await yard.store(yard.event(b"x" * 1_100_000, {}), yard.event(b"{", {"policy": "[" * (PROPERTY_LIMIT + 1)}))
    for item in await yard.held():
        with pytest.raises(Problem, match="quarantined_event_cut"):
            await yard.of_nobody().replay(item["id"], hub=yard.hub)
    assert len(await yard.held()) == 2


async def test_a_replay_for_an_erased_ownership_is_refused_by_the_gate(yard: Yard) -> None:
    """The erasure came between: nothing of it is stored, not even in quarantine."""
    message = yard.message()
    await yard.store(yard.stamped(b"{"), message)
    [item] = await yard.held()
    await (await yard.of_monitor()).replay(item["id"], hub=yard.hub)
    telemetry = yard.database["telemetry"]
    await changed(telemetry, yard.ownership_id, lambda policy: replace(policy, tombstone=True))
    purged = "SELECT * FROM c WHERE c.type NOT IN ('gate', 'marker')"
    for one in [one async for one in telemetry.query(purged, partition=yard.ownership_id)]:
        await telemetry._proxy.delete_item(one["id"], yard.ownership_id)
    assert await yard.store(*yard.replayed(), replace(message, sequence_number=99)) == {
        "stored": 0,
        "set aside": 0,
        "lost": 0,
    }
    assert await yard.held() == []
    with pytest.raises(Problem, match="quarantined_event_unknown"):
        await (await yard.of_monitor()).release(item["id"])


async def test_a_mark_never_makes_an_item_anew(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others keep changing under it is left to a later try."""
    await yard.store(yard.stamped(b"{"))
    [item] = await yard.held()

    async def stale(*_: object) -> str:
        raise Stale

    monkeypatch.setattr(Container, "replace", stale)
    with pytest.raises(Problem, match="busy"):
        await Desk.release(await yard.of_monitor(), item["id"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(quarantine, "HELD_LIMIT", 4)
    return 4


async def test_a_full_quarantine_stops_the_line_for_what_may_be_readings(
    yard: Yard, small: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway's stamp cannot be read: the batch is raised until a worker can, and what is readable is stored."""
    unreadable = [
        yard.event(b"%d" % number, stamp(yard.ownership_id, yard.policy) | {"policy": "{}"})
        for number in range(small + 1)
    ]
    for _ in range(2):
        with pytest.raises(ExceptionGroup) as raised:
            await yard.store(*unreadable, yard.message())
        assert raised.group_contains(QuarantineFullError)
        assert len(await yard.held()) == small
    assert "ALARM quarantine_full: telemetry/0 holds 4 events" in caplog.text
    assert await yard.store(*unreadable[:small], yard.message()) == {"stored": 0, "set aside": 0, "lost": 0}


async def test_a_strangers_flood_stops_nobody(yard: Yard, small: int, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the bound, what bears no stamp at all is nobody's reading: counted, told of once a batch, not kept."""
    flood = [yard.event(b"%d" % number, {"foreign": "x"}) for number in range(small + 6)]
    assert await yard.store(*flood, yard.message()) == {"stored": 1, "set aside": small, "lost": 6}
    assert len(await yard.held()) == small
    assert caplog.text.count("ALARM quarantine_full") == 1
    assert await yard.store(*(yard.event(b"other", {}, partition="1"),)) == {"stored": 0, "set aside": 1, "lost": 0}


async def test_a_failed_creation_takes_no_room(yard: Yard, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store was away: the batch comes again, and finds the room that it needs."""
    events = [yard.event(b"%d" % number, {}) for number in range(small)]

    async def away(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as outage:
        outage.setattr(Container, "create", away)
        with pytest.raises(ExceptionGroup):
            await yard.store(*events)
    assert await yard.store(*events) == {"stored": 0, "set aside": small, "lost": 0}


async def test_a_worker_killed_in_quarantine_keeps_an_event_once(yard: Yard) -> None:
    """It was kept, and nobody was told: the batch comes again."""
    events = [yard.event(b"first", {}), yard.event(b"second", {})]
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(_killed(yard, events), 10)
    await yard.store(*events)
    assert len(await yard.held()) == 2


async def _killed(yard: Yard, events: list[HubEvent]) -> None:
    async def die(point: Point) -> None:
        if point == "quarantine.kept":
            raise KeyError

    with listening(die):
        await yard.store(*events)


@pytest.mark.parametrize(("retries", "is_alarm"), [(0, False), (LASTING_FROM - 1, False), (LASTING_FROM, True)])
def test_a_failure_that_lasts_is_an_alarm(retries: int, is_alarm: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It names partition and kinds of errors, and nothing that an error says."""
    error = ExceptionGroup("many", [ConnectionError("secret"), ExceptionGroup("more", [TimeoutError("secret")])])
    log_failure("3", 17, retries, error)
    assert ("ALARM ingest_stopped: partition 3, 17 events" in caplog.text) is is_alarm
    assert "ConnectionError, TimeoutError" in caplog.text
    assert "secret" not in caplog.text
