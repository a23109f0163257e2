"""The overview: what is held about a person, why, from where, for how long, and how much it is."""

import json

import pytest

from export_user_data.access import admitted, counting
from export_user_data.access.contract import DataOverview
from export_user_data.access.overview import overview
from export_user_data.access.pages import data_page
from export_user_data.restriction import holds, restrictions
from export_user_data.restriction.contract import HoldRequest, RestrictionRequest
from export_user_data.restriction.office import Office
from shared import clock as clocks
from shared.data_map import CATEGORIES, CONTAINERS, Category
from shared.errors import Problem
from shared.gate import Erased
from shared.people import person_without_account
from shared.templates import Language
from shared.vault import block
from shared.wording import catalogue, said
from tests.doubles import RecordingHub
from tests.export_user_data.access.conftest import STAFF_ID, Street, by_hand
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire


async def seen(street: Street, name: str = "maria") -> DataOverview:
    return await overview(
        street.people[name].person_id,
        database=street.database,
        webhooks=street.household.tools.webhooks,
        now=street.household.hosts.clock(),
    )


async def test_it_counts_what_the_store_holds(street: Street) -> None:
    """Of each category, for everybody."""
    for name in street.people:
        found = await by_hand(street.database, street.people[name].person_id)
        told = await seen(street, name)
        assert {one.category: one.items for one in told.categories} == {
            category.value: sum(items.values()) for category, items in found.items()
        }
        assert all(one.items == sum(record.items for record in one.records) for one in told.categories)


async def test_it_counts_so_many_of_a_place_and_no_more(street: Street) -> None:
    """Then it says that there are at least so many."""
    person_id = street.people["maria"].person_id
    await street.household.homes["maria"].messages(10)
    found = await counting.counted(person_id, database=street.database, most=5)
    assert "telemetry/usageReadings" in found.at_least
    assert sum(count for name, count in found.items.items() if name.startswith("telemetry/")) == 5
    exact = await counting.counted(person_id, database=street.database)
    assert exact.at_least == set()


async def test_it_says_everything_of_every_category(street: Street) -> None:
    """Every record of the data map that is about people, shown or with the reason why not."""
    told = {one.category: one for one in (await seen(street)).categories}
    assert list(told) == [category.value for category in Category]
    for category, rule in CATEGORIES.items():
        one = told[category.value]
        spoken = (said(rule.purpose, Language.SPANISH), said(rule.basis, Language.SPANISH))
        assert (one.purpose, one.legal_basis, one.at_end) == (*spoken, rule.on_expiry)
        assert one.items_at == f"/api/me/data/{category.value}"
    named = {record.record for one in told.values() for record in one.records}
    named |= {record.record for one in told.values() for record in one.not_shown}
    assert named == {
        f"{container}/{name}"
        for container, definition in CONTAINERS.items()
        for name, record in definition.records.items()
        if record.erasure != "names_nobody"
    }
    usage = {record.record: record for record in told["usage"].records}["telemetry/usageReadings"]
    assert (usage.kept_days, usage.at_end, usage.visible_to) == (730, "destroy", ["la persona"])
    assert "el monitor" in usage.sources
    assert told["device"].blocked_days == 3 * 365
    recipients = {one.name for one in told["interactions"].recipients}
    assert recipients == {"cloud_provider"}  # nobody is told by a message in this installation


async def test_every_text_is_in_the_language_of_the_app(street: Street) -> None:
    """Of the overview as of the pages; names and words of the program stay."""
    told = await seen(street)
    assert told.language == "es"
    usage = next(one for one in told.categories if one.category == "usage")
    [record] = [one for one in usage.records if one.record == "telemetry/usageReadings"]
    texts = [usage.purpose, usage.legal_basis, usage.collected_when, *usage.sources, record.about, *record.visible_to]
    texts += [text for one in usage.recipients for text in (one.about, one.what, one.why, one.place)]
    texts += [text for one in told.categories for left_out in one.not_shown for text in (left_out.about, left_out.why)]
    maria = street.people["maria"].person_id
    page = await data_page(maria, Category.USAGE, None, database=street.database, key=IDENTITY_KEY)
    for meaning in [*page.records.values(), *page.readings.values()]:
        texts += [meaning.about, *(field.about for field in meaning.fields.values())]
        texts += [field.source for field in meaning.fields.values() if field.source is not None]
    spanish = set(catalogue(Language.SPANISH).values())
    assert [text for text in texts if text not in spanish] == []


async def test_it_says_what_is_blocked_and_restricted(street: Street) -> None:
    """Why and until when; a hold that the person may not know of is not in it."""
    maria, now = street.people["maria"].person_id, street.household.hosts.clock()
    item = await street.database["people"].read(maria, "person")
    assert item is not None
    old = {name: item[name] for name in ("id", "type", "personId", "email")}
    vault = street.household.tools.vault
    await block("b" * 32, "old", [("people", old)], ground="rectification", person_id=maria, vault=vault, now=now)
    office = Office(database=street.database, journal=street.household.hosts.house.journal, hub=RecordingHub(), now=now)
    wanted = RestrictionRequest.model_validate_json('{"scope": "category", "category": "usage", "ground": "unlawful"}')
    await restrictions.restrict(maria, wanted, office)
    await _hold(maria, office, "LH-2026-1", told=True)
    await _hold(maria, office, "LH-2026-2", told=False)
    told = await seen(street)
    [blocked] = told.blocked
    assert (blocked.category, blocked.ground, blocked.why) == (
        "person",
        "rectification",
        said(CATEGORIES[Category.PERSON].blocked_why, Language.SPANISH),
    )
    assert blocked.until > now
    assert [one.category for one in told.restrictions] == ["usage"]
    assert len(told.legal_holds) == 1
    found = await by_hand(street.database, maria)
    service = next(one for one in told.categories if one.category == "service")
    assert service.items == sum(found[Category.SERVICE].values())


async def _hold(person_id: str, office: Office, reference: str, *, told: bool) -> None:
    body = {
        "who": {"personId": person_id},
        "scope": "person",
        "ground": "authority_order",
        "reference": reference,
        "until": clocks.text(office.now.replace(year=office.now.year + 1)),
        "tellPerson": told,
    }
    await holds.set_hold(person_id, HoldRequest.model_validate_json(json.dumps(body)), office, staff_id=STAFF_ID)


async def test_who_was_erased_is_told_so(street: Street) -> None:
    """From the moment at which the erasure closes their gate."""
    maria, now = street.people["maria"], street.household.hosts.clock()
    assert await admitted.admitted(maria, database=street.database, now=now) == maria.person_id
    await street.household.erased(maria, scope="person")
    with pytest.raises((Erased, Problem)):
        await admitted.admitted(maria, database=street.database, now=now)


async def test_who_has_no_account_has_no_live_access_and_loses_nothing(street: Street) -> None:
    """What was entered of an address is there once its person signs in."""
    lead = await person_without_account(
        "lea@resident.example",
        database=street.database,
        identity_key=IDENTITY_KEY,
        now=street.household.hosts.clock(),
    )
    await street.tell_sales("lea", "A question.")
    street.people["lea"] = await street.household.hosts.sign_in("lea")
    assert street.people["lea"].person_id == lead
    assert {one.category: one.items for one in (await seen(street, "lea")).categories}["interactions"] == 1


def test_there_is_no_other_category() -> None:
    """Its name is answered alike for everybody."""
    assert admitted.category_named("usage") is Category.USAGE
    with pytest.raises(Problem, match="category_unknown"):
        admitted.category_named("everything")
