"""Everything that is held about a person, read page by page: all of it, and nothing of anybody else's."""

import json
from collections import Counter

import pytest

from export_user_data import cursors
from export_user_data.access import pages
from export_user_data.access.pages import data_page
from export_user_data.restriction import restrictions
from export_user_data.restriction.contract import RestrictionRequest
from export_user_data.restriction.office import Office
from shared.cosmos import Create
from shared.data_map import Category
from shared.errors import Problem
from tests.doubles import RecordingHub
from tests.export_user_data.access.conftest import IN_MARIAS_NAME, STAFF_ID, Street, as_by_hand, by_hand, words
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

EVERYBODY = ("pau", "maria", "ana", "jordi")


@pytest.mark.parametrize("page_items", [1, 4, 50])
async def test_the_pages_hold_what_the_store_holds(street: Street, page_items: int) -> None:
    """Item by item, of each category, for an owner, a former owner, a guest and a neighbour."""
    for name in EVERYBODY:
        found = await by_hand(street.database, street.people[name].person_id)
        read = await street.read(name, page_items)
        assert {category: Counter(map(as_by_hand, items)) for category, items in read.items()} == found


async def test_each_sees_theirs_and_nothing_of_others(street: Street) -> None:
    """No address, id, key or name in the ledger of anybody else, and no member of staff."""
    names = {name: await _names(street, name) for name in EVERYBODY}
    for name in EVERYBODY:
        said = words(await street.read(name, 50))
        others = set().union(*(names[other] for other in EVERYBODY if other != name)) - names[name]
        assert [one for one in others if one in said] == []
        assert STAFF_ID not in said
        assert (IN_MARIAS_NAME in said) == (name == "maria")


async def _names(street: Street, name: str) -> set[str]:
    """By which somebody could be told or found."""
    person_id, found = street.people[name].person_id, set[str]()
    async for item in street.database["people"].query("SELECT * FROM c", partition=person_id):
        fields = ("personId", "email", "identityKey", "contactKey", "ledgerSubject", "pushToken", "apnsToken")
        found |= {str(item[field]) for field in fields if field in item}
    return found


async def test_a_former_owner_sees_their_period_alone(street: Street) -> None:
    """Readings and device data of before, and none of what its new owner has."""
    read = await street.read("pau")
    pau, maria = (street.household.homes[name].access.ownership_id for name in ("pau", "maria"))
    assert {item.fields["ownershipId"] for item in read[Category.USAGE]} == {pau}
    assert maria not in words(read)
    assert "devices/device" not in {item.record for item in read[Category.DEVICE]}


async def test_a_guest_sees_their_own_link_alone(street: Street) -> None:
    """Of the device nothing: its data is its owner's."""
    read = await street.read("ana")
    assert [item.record for item in read[Category.DEVICE]] == ["people/link"]
    assert read[Category.USAGE] == read[Category.PERFORMANCE] == []


async def test_readings_are_written_out(street: Street) -> None:
    """One by one, with units and meaning of their kind once a page."""
    maria = street.people["maria"].person_id
    page = await data_page(maria, Category.PERFORMANCE, None, database=street.database, key=IDENTITY_KEY)
    [sample] = [item for item in page.items if item.readings]
    assert sample.readings is not None
    assert [(one["kind"], one["cpuPercent"]) for one in sample.readings] == [("system_health", 5.0)]
    assert sample.device_id == street.household.homes["maria"].access.device_id
    assert page.readings["system_health"].fields["cpuPercent"].unit == "%"
    assert "bodyHash" not in sample.fields
    assert "bodyHash" not in page.records["telemetry/performanceReadings"].fields


async def test_what_is_written_meanwhile_loses_and_repeats_nothing(street: Street) -> None:
    """What was there when a reader began is read once, whatever comes between two pages."""
    maria = street.people["maria"].person_id
    home = street.household.homes["maria"]
    await home.messages(6)
    before = await by_hand(street.database, maria)
    for category in (Category.USAGE, Category.DEVICE, Category.INTERACTIONS):
        reader, read = street.reader("maria", category, page_items=2), Counter[str]()
        while not reader.is_done:
            read += Counter(map(as_by_hand, await reader.page()))
            if len(reader.lengths) <= 3:
                await home.messages(1)
                await street.tell_sales("maria", f"Question {len(reader.lengths)}.")
                await _note_firmware(street, f"{category.value}-{len(reader.lengths)}")
            assert len(reader.lengths) < 100
        assert read & before[category] == before[category]
        assert set(read.values()) == {1}


async def _note_firmware(street: Street, version: str) -> None:
    home = street.household.homes["maria"]
    item = {
        "id": f"firmware:{version}",
        "type": "firmwareVersion",
        "deviceId": home.access.device_id,
        "ownershipId": home.access.ownership_id,
        "version": version,
        "firstSeenAt": home.clock().isoformat(),
        "expiresAt": home.clock().isoformat(),
    }
    await street.database["devices"].batch(home.access.device_id, [Create(item)])


async def test_a_reader_goes_on_after_days(street: Street) -> None:
    """A page that is asked for again is the same page."""
    home = street.household.homes["maria"]
    await home.messages(5)
    reader = street.reader("maria", Category.USAGE)
    await reader.page()
    cursor = reader.cursor
    second = await reader.page()
    street.household.hosts.clock.forward(days=30)
    reader.cursor = cursor
    assert await reader.page() == second


async def test_a_reader_goes_on_when_the_place_is_gone(street: Street) -> None:
    """What was erased meanwhile is passed by."""
    reader = street.reader("maria", Category.USAGE, page_items=1)
    await street.household.homes["maria"].messages(3)
    await reader.page()
    maria, home = street.people["maria"], street.household.homes["maria"]
    await street.household.erased(maria, scope="device", deviceId=home.access.device_id)
    assert await reader.rest() == []


async def test_a_cursor_is_good_for_one_person_and_category(street: Street) -> None:
    """And only as this service wrote it."""
    await street.household.homes["maria"].messages(4)
    reader = street.reader("maria", Category.USAGE)
    await reader.page()
    assert reader.cursor is not None
    for name, category in (("jordi", Category.USAGE), ("maria", Category.PERFORMANCE)):
        stranger = street.reader(name, category)
        stranger.cursor = reader.cursor
        with pytest.raises(Problem, match="cursor_invalid"):
            await stranger.page()
    for cursor in ("x", reader.cursor[:-2], "A" + reader.cursor[1:], "ñ"):
        reader.cursor = cursor
        with pytest.raises(Problem, match="cursor_invalid"):
            await reader.page()


async def test_a_cursor_of_another_database_is_refused(street: Street) -> None:
    """As after a restore: the reader begins anew."""
    await street.household.homes["maria"].messages(4)
    reader = street.reader("maria", Category.USAGE)
    await reader.page()
    use = f"data cursor\n{reader.person_id}\nusage"
    said = cursors.opened(str(reader.cursor), use=use, key=IDENTITY_KEY)
    reader.cursor = cursors.signed(said | {"after": "of another store"}, use=use, key=IDENTITY_KEY)
    with pytest.raises(Problem, match="cursor_invalid"):
        await reader.page()


async def test_a_cursor_tells_no_key_of_ours(street: Street) -> None:
    """It lies with the reader, who may open it."""
    said = ""
    for category in Category:
        reader = street.reader("jordi", category, page_items=1)
        while not reader.is_done:
            await reader.page()
            if reader.cursor is not None:
                use = f"data cursor\n{reader.person_id}\n{category.value}"
                place = cursors.opened(reader.cursor, use=use, key=IDENTITY_KEY)["place"]
                said += json.dumps(place)
    assert [name for name in await _names(street, "jordi") if name in said] == []


async def test_a_page_ends_before_it_is_too_large(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a number of bytes; an item that is larger by itself is a page."""
    await street.household.homes["maria"].messages(10)
    maria = street.people["maria"].person_id
    expected = await by_hand(street.database, maria)
    for limit in (2000, 10):
        monkeypatch.setattr(pages, "PAGE_LIMIT_BYTES", limit)
        for category in (Category.USAGE, Category.SERVICE):
            reader = street.reader("maria", category, page_items=50)
            items = await reader.rest()
            assert Counter(map(as_by_hand, items)) == expected[category]
            sizes = [len(item.model_dump_json()) for item in items]
            assert max(reader.lengths) < max(2, 2 * limit // min(sizes))


@pytest.mark.parametrize(("limit", "value"), [("LOOKS_LIMIT", 1), ("TIME_LIMIT_S", 0.0)])
async def test_a_request_looks_at_so_much_and_no_more(
    street: Street, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    """Who has much of something else gets a cursor, perhaps without an item, and goes on."""
    monkeypatch.setattr(pages, limit, value)
    expected = await by_hand(street.database, street.people["maria"].person_id)
    reader = street.reader("maria", Category.SERVICE, page_items=50)
    assert Counter(map(as_by_hand, await reader.rest())) == expected[Category.SERVICE]
    assert len(reader.lengths) > 2


async def test_a_restriction_keeps_nothing_from_its_person(street: Street) -> None:
    """It is theirs, and stored for them."""
    maria = street.people["maria"].person_id
    office = Office(
        database=street.database,
        journal=street.household.hosts.house.journal,
        hub=RecordingHub(),
        now=street.household.hosts.clock(),
    )
    before = await street.read("maria")
    wanted = RestrictionRequest.model_validate_json('{"scope": "person", "ground": "unlawful"}')
    await restrictions.restrict(maria, wanted, office)
    after = await street.read("maria")
    for category in (Category.USAGE, Category.PERSON, Category.INTERACTIONS, Category.DEVICE):
        assert list(map(as_by_hand, after[category])) == list(map(as_by_hand, before[category]))
    assert "people/restriction" in {item.record for item in after[Category.SERVICE]}
