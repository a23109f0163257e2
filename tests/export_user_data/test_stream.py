"""The owner's stream: every reading once, in the order of arrival, from wherever a reader goes on."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from export_user_data import cursors, stream
from export_user_data.contract import StreamLine
from export_user_data.cursors import Place
from export_user_data.documents import schemas
from export_user_data.stream import Asked, stream_page, waiting_time
from export_user_data.waiting import WaitingRoom
from ingest_telemetry.messages import HubEvent
from local.cosmos.server import CosmosServer
from local.provision import provision_cosmos
from local.resources import Resources
from register_device.devices import list_devices, release_device
from shared.clock import text
from shared.cosmos import Database, declared
from shared.errors import Problem
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.export_user_data.owned import Home
from tests.people import IDENTITY_KEY, House

pytestmark = pytest.mark.wire


class Chair(WaitingRoom):
    """Room for one who waits."""

    def __init__(self) -> None:
        super().__init__(room=1)
        self.taken = asyncio.Event()

    @contextmanager
    def place(self, person_id: str) -> Iterator[bool]:
        with super().place(person_id) as has_place:
            self.taken.set()
            yield has_place


class Reader:
    """Somebody who reads the stream of a home's monitor, and keeps what they have read."""

    def __init__(self, home: Home, person_id: str = "maria") -> None:
        self.home = home
        self.person_id = person_id
        self.waiting = Chair()
        self.cursor: str | None = None
        self.kept: list[dict[str, Any]] = []

    async def page(self, *, page_items: int = 3, **asked: Any) -> list[dict[str, Any]]:
        lines = await stream_page(
            self.person_id,
            Asked(**{"device_id": self.home.access.device_id, "cursor": self.cursor} | asked),
            database=self.home.database,
            key=IDENTITY_KEY,
            waiting=self.waiting,
            now=self.home.clock,
            page_items=page_items,
        )
        return [json.loads(line) for line in lines]

    def keep(self, lines: list[dict[str, Any]]) -> None:
        """Keep what lies before the last cursor, as a reader does that may be cut off."""
        ends = [place for place, line in enumerate(lines) if line["line"] == "cursor"]
        if ends:
            self.cursor = lines[ends[-1]]["cursor"]
            self.kept += [line for line in lines[: ends[-1]] if line["line"] == "reading"]

    async def read(self, **asked: Any) -> int:
        """Read one page; how many readings it had."""
        before = len(self.kept)
        self.keep(await self.page(**asked))
        return len(self.kept) - before

    async def read_all(self, **asked: Any) -> "Reader":
        while await self.read(**asked):
            pass
        return self

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Message and kind of each reading that was kept."""
        return [(line["messageId"], line["kind"]) for line in self.kept]


def sent(events: list[HubEvent]) -> list[tuple[str, str]]:
    """What a reader of these events is to have, in order."""
    bodies = [json.loads(event.body) for event in events]
    return [
        (body["messageId"], kind)
        for body in bodies
        for kind, columns in body["columns"].items()
        for _ in columns["observedAt"]
    ]


@pytest.fixture
async def home(database: Database, device_keys: KeySet, clock: SettableClock) -> Home:
    return await Home.paired(House(database, device_keys, clock))


@pytest.fixture
def reader(home: Home) -> Reader:
    return Reader(home)


async def test_a_stream_without_readings_has_a_head_and_a_cursor(reader: Reader) -> None:
    """It says what is to come: versions, schema, units; and the cursor is good for what comes."""
    head, end = await reader.page()
    assert (head["line"], head["schemaVersion"], end["line"]) == ("head", 1, "cursor")
    assert head["units"]["call"] == {"durationS": "s"}
    assert head["schemaUrl"] == f"{schemas.ADDRESS}/{schemas.STREAM_LINE}"
    assert head["lag"] == {}
    reader.cursor = end["cursor"]
    events = await reader.home.messages(1)
    assert sorted((await reader.read_all()).messages) == sorted(sent(events))


async def test_every_line_is_as_its_schema_says(reader: Reader) -> None:
    """The schema is the published one, and admits nothing else."""
    await reader.home.messages(2)
    for line in await reader.page():
        written = json.dumps(line)
        assert TypeAdapter(StreamLine).validate_json(written).model_dump_json(by_alias=True, exclude_none=True)
        Draft202012Validator(schemas.schema(schemas.STREAM_LINE)).validate(line)


async def test_readings_come_in_the_order_of_arrival(reader: Reader) -> None:
    """Whenever they were observed, with corrected time and values."""
    home = reader.home
    first = await home.event(home.call(home.clock() - timedelta(hours=1)), offset=timedelta(minutes=10))
    second = await home.event(home.call(home.clock() - timedelta(days=3), outcome="missed"))
    for event in (first, second):
        await home.store(event)
    await reader.read_all()
    assert reader.messages == sent([first, second])
    assert reader.kept[0]["observedAt"] == text(home.clock() - timedelta(minutes=50))
    assert [line["timeQuality"] for line in reader.kept] == ["corrected", "device"]
    assert [line["values"] for line in reader.kept] == [{"outcome": "answered"}, {"outcome": "missed"}]


async def test_nothing_else_is_streamed(reader: Reader) -> None:
    """Neither gate nor marker, nor what could not be read; a change of the policy does not make it come."""
    home = reader.home
    event = await home.event()
    await home.store(replace(event, body=b"not json", sequence_number=2), event)
    await changed(home.database["telemetry"], home.access.ownership_id, lambda policy: policy)
    assert (await reader.read_all()).messages == sent([event])


async def test_a_reader_goes_on_after_a_cut_behind_any_line(reader: Reader) -> None:
    """Nothing is missing and nothing is there twice: what lies behind the last cursor comes again as a whole."""
    events = await reader.home.messages(5)
    lines = len(await reader.page(page_items=100))
    for cut in range(lines + 1):
        cut_off = Reader(reader.home)
        cut_off.keep((await cut_off.page(page_items=100))[:cut])
        await cut_off.read_all(page_items=2)
        assert sorted(cut_off.messages) == sorted(sent(events))


async def test_what_one_transaction_stored_is_read_once(reader: Reader) -> None:
    """Its items have one place in the feed: a page may be cut within them and goes on there."""
    home = reader.home
    events = [await home.event(home.call(), home.health()) for _ in range(7)]
    await home.store(*events)
    page = await reader.page(page_items=2)
    for end in [place for place, line in enumerate(page) if line["line"] == "cursor"]:
        cut_off = Reader(home)
        cut_off.keep(page[: end + 1])
        assert sorted((await cut_off.read_all()).messages) == sorted(sent(events))


async def test_a_page_is_bounded_in_bytes(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends behind an item, and the rest comes with the next."""
    monkeypatch.setattr(stream, "PAGE_LIMIT_BYTES", 1)
    events = await reader.home.messages(4)
    assert [await reader.read(page_items=100) for _ in range(9)] == [1] * 8 + [0]
    assert sorted(reader.messages) == sorted(sent(events))


async def test_what_is_gone_meanwhile_disturbs_nobody(reader: Reader) -> None:
    """The item behind which a reader stands has expired or was erased."""
    home = reader.home
    events = []
    for _ in range(4):
        event = await home.event()
        await home.store(event)
        events.append(event)
    page = await reader.page(page_items=100)
    reader.keep(page[:3])
    stored = home.database["telemetry"].query(
        "SELECT c.id FROM c WHERE c.type = 'usageReadings' AND c.messageId = @message",
        {"message": reader.messages[0][0]},
        partition=home.access.ownership_id,
    )
    for item in [item async for item in stored]:
        await home.database["telemetry"]._proxy.delete_item(item["id"], home.access.ownership_id)
    assert (await reader.read_all()).messages == sent(events)


async def test_a_reader_who_follows_sees_all(reader: Reader) -> None:
    """While fifty messages arrive, in batches."""
    home = reader.home
    events = [await home.event(home.call(durationS=place)) for place in range(50)]

    async def arrive() -> None:
        for begin in range(0, 50, 5):
            await home.store(*events[begin : begin + 5])

    arriving = asyncio.create_task(arrive())
    while len(reader.kept) < 50:
        await reader.read(wait_s=25, page_items=4)
    await arriving
    assert sorted(reader.messages) == sorted(sent(events))
    assert await reader.read() == 0


async def test_who_waits_is_answered_when_something_comes(reader: Reader) -> None:
    """One who asks while too many wait is answered at once, with nothing."""
    waits = asyncio.create_task(reader.read(wait_s=25))
    await reader.waiting.taken.wait()
    late = Reader(reader.home)
    late.waiting = reader.waiting
    assert await late.read(wait_s=25) == 0
    assert not waits.done()
    await reader.home.messages(1)
    assert await waits == 2


def test_one_person_does_not_take_the_others_room() -> None:
    """Five of their requests wait, a sixth is answered at once; a place is free again when its request ends."""
    room = WaitingRoom()
    with ExitStack() as waiting:
        taken = [waiting.enter_context(room.place("maria")) for _ in range(6)]
        assert taken == [True] * 5 + [False]
        with room.place("jordi") as has_place:
            assert has_place
    with room.place("maria") as has_place:
        assert has_place


def test_the_room_is_of_a_bounded_size() -> None:
    """However many people there are."""
    room = WaitingRoom()
    with ExitStack() as waiting:
        assert sum(waiting.enter_context(room.place(f"person {number}")) for number in range(60)) == 50


async def test_the_wait_has_an_end(reader: Reader) -> None:
    """Then the answer is empty, with a cursor."""
    assert await reader.read(wait_s=1) == 0
    assert reader.cursor is not None


@pytest.mark.parametrize("wait", ["26", "-1", "1.5", "soon", "", "٣"])
def test_a_wait_is_a_number_of_seconds(wait: str) -> None:
    """Up to 25."""
    with pytest.raises(Problem, match="field_out_of_range"):
        waiting_time(wait)
    assert [waiting_time(fine) for fine in (None, "0", "25")] == [0, 0, 25]


async def test_the_lag_is_stated(reader: Reader) -> None:
    """How old the newest is that the reader was answered, and the newest that there is."""
    for _ in range(2):
        await reader.home.messages(1)
        reader.home.clock.forward(seconds=60)
    head, *lines = await reader.page(page_items=1)
    assert (head["lag"]["deliveredLagS"], head["lag"]["storedLagS"]) == (120, 60)
    reader.keep([head, *lines])
    await reader.read_all()
    assert (await reader.page())[0]["lag"]["deliveredLagS"] == 60


async def test_a_cursor_is_its_readers_alone(reader: Reader) -> None:
    """Another owner's, another device's and a made-up one are refused alike."""
    home = reader.home
    await home.messages(1)
    await reader.read_all()
    own = reader.cursor
    juan = await Home.paired(House(home.database, home.keys, home.clock), "juan", "VEO-000002")
    other = Reader(juan, "juan")
    await other.read()
    for device_id, cursor in ((home.access.device_id, other.cursor), (juan.access.device_id, own)):
        with pytest.raises(Problem, match="cursor_invalid"):
            await reader.page(device_id=device_id, cursor=cursor)
    made_up = cursors.written(Place(ownership_id=juan.access.ownership_id), key=b"another key".ljust(32))
    for cursor in (made_up, "", "x", "é", "A" * 5000, f"{own}A", f"B{own}"):
        with pytest.raises(Problem, match="cursor_invalid"):
            await reader.page(cursor=cursor)


async def test_only_owners_read(reader: Reader) -> None:
    """Nobody else, and nobody a device that there is not."""
    await reader.home.move_in("juan")
    with pytest.raises(Problem, match="device_not_yours"):
        await Reader(reader.home, "juan").page()
    with pytest.raises(Problem, match="device_not_yours"):
        await reader.page(device_id="0" * 32)


async def test_a_guest_does_not_read(reader: Reader) -> None:
    """Their link names the same period, and is no owner's."""
    home = reader.home
    await home.messages(1)
    await reader.read_all()
    await home.move_in("juan")
    link = await home.database["people"].read("maria", f"link:{home.access.ownership_id}")
    assert link is not None
    await home.database["people"].create(declared(link) | {"personId": "juan", "role": "guest", "guestId": "g"})
    guest = Reader(home, "juan")
    with pytest.raises(Problem, match="device_not_yours"):
        await guest.page()
    with pytest.raises(Problem, match="cursor_invalid"):
        await guest.page(cursor=reader.cursor)


async def test_a_former_owner_reads_their_own_period_to_its_end(reader: Reader) -> None:
    """With the cursor of before, or from its beginning; the new owner sees none of it, nor they the new owner's."""
    home = reader.home
    before = await home.messages(2)
    await reader.read(page_items=1)
    home.clock.forward(days=1)
    await release_device("maria", home.access.device_id, database=home.database, journal=home.journal, now=home.clock())
    home.clock.forward(days=1)
    new = await Home.paired(House(home.database, home.keys, home.clock), "juan")
    after = await new.messages(1)
    await reader.read_all(page_items=1)
    assert sorted(reader.messages) == sorted(sent(before))
    head, *_ = await reader.page(wait_s=25)
    assert head["until"] == text(home.clock() - timedelta(days=1))
    assert sorted((await Reader(home).read_all()).messages) == sorted(sent(before))
    assert sorted((await Reader(new, "juan").read_all()).messages) == sorted(sent(after))


async def test_who_owned_it_twice_says_which_period(reader: Reader) -> None:
    """By its begin in the list of devices; without that it is the present one."""
    home = reader.home
    before = await home.messages(1)
    home.clock.forward(days=1)
    await release_device("maria", home.access.device_id, database=home.database, journal=home.journal, now=home.clock())
    home.clock.forward(days=1)
    new = await Home.paired(House(home.database, home.keys, home.clock))
    after = await new.messages(1)
    first, second = await list_devices("maria", database=home.database, now=home.clock())
    for since, events in ((text(first.since), before), (text(second.since), after), (None, after)):
        one = Reader(home)
        one.keep(await one.page(since=since))
        assert sorted(one.messages) == sorted(sent(events))
    with pytest.raises(Problem, match="device_not_yours"):
        await reader.page(since="2020-01-01T00:00:00.000Z")
    with pytest.raises(Problem, match="field_out_of_range"):
        await reader.page(since="2020-01-01T00:00:00")


async def test_what_an_erasure_reaches_does_not_come(reader: Reader) -> None:
    """From the moment at which the gate says so; what comes later does."""
    home = reader.home
    await home.messages(2)
    now = home.clock()
    await changed(
        home.database["telemetry"],
        home.access.ownership_id,
        lambda policy: replace(policy, erased_through={"usage": now, "performance": now}),
    )
    assert (await reader.read_all()).messages == []
    home.clock.forward(seconds=1)
    events = await home.messages(1)
    assert sorted((await reader.read_all()).messages) == sorted(sent(events))


@pytest.fixture
async def restarting(tmp_path: Path, device_keys: KeySet, clock: SettableClock) -> AsyncIterator["Restarting"]:
    running = Restarting(tmp_path, device_keys, clock)
    yield running
    await running.stop()


class Restarting:
    """A database that keeps its items on disk while its process is away."""

    def __init__(self, folder: Path, keys: KeySet, clock: SettableClock) -> None:
        self._folder, self._keys, self._clock = folder, keys, clock
        self._server: CosmosServer | None = None

    async def start(self) -> House:
        resources = Resources.load()
        self._server = await CosmosServer(file=self._folder / "cosmos.db").__aenter__()
        await provision_cosmos(self._server.endpoint, self._server.key, resources)
        self._database = await Database.open(self._server.endpoint, self._server.key, resources.database)
        return House(self._database, self._keys, self._clock)

    async def stop(self) -> None:
        if self._server is not None:
            await self._database.close()
            await self._server.__aexit__(None, None, None)
            self._server = None


async def test_a_cursor_outlives_a_restart_of_the_database(restarting: Restarting) -> None:
    """Between two pages."""
    house = await restarting.start()
    home = await Home.paired(house)
    events = await home.messages(3)
    reader = Reader(home)
    await reader.read(page_items=2)
    await restarting.stop()
    house = await restarting.start()
    reader.home = Home(house.database, house.keys, house.clock, access=home.access)
    events += await reader.home.messages(1)
    assert sorted((await reader.read_all()).messages) == sorted(sent(events))


async def test_a_cursor_of_another_database_is_refused(reader: Reader) -> None:
    """As after a restore: the reader begins anew."""
    await reader.home.messages(1)
    await reader.read_all()
    place = cursors.read(str(reader.cursor), key=IDENTITY_KEY)
    foreign = replace(place, page=_elsewhere(str(place.page)))
    with pytest.raises(Problem, match="cursor_invalid"):
        await reader.page(cursor=cursors.written(foreign, key=IDENTITY_KEY))


def _elsewhere(page: str) -> str:
    return base64.b64encode(base64.b64decode(page).replace(b'"containerRid": "', b'"containerRid": "X')).decode()
