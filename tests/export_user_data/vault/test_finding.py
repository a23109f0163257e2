"""Cases are found by what an authority can name, without being opened."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from export_user_data.vault.contract import AskOpening, VaultSearch
from shared.blobs import VAULT_KEYS
from shared.keys import keyed_id
from shared.ledger import SERVICE_SUBJECT
from shared.vault import block
from tests.export_user_data.vault.conftest import ANA, EMAIL, PERSON, Desk
from tests.people import IDENTITY_KEY
from tests.vaults import REQUEST, firmware

pytestmark = pytest.mark.wire


async def test_a_case_is_found_by_each_of_its_names(desk: Desk) -> None:
    """What it holds is told by category, why and until when; and nothing of what lies in it."""
    device_id = keyed_id(IDENTITY_KEY, "device", "VEO-000001")
    items = [("devices", firmware(desk.clock) | {"deviceId": device_id})]
    [blocked] = await block(
        REQUEST, "page", items, ground="erasure", person_id=PERSON, vault=desk.vault, now=desk.clock()
    )
    names = {"email": EMAIL.upper(), "serialNumber": "VEO-000001", "personId": PERSON, "requestId": REQUEST}
    for name, value in (names | {"caseId": blocked.case_id}).items():
        [found] = await desk.find(**{name: value})
        assert (found.case_id, found.items, found.parts, found.ground) == (blocked.case_id, 1, 1, "erasure"), name
        assert [(one.category, one.why) for one in found.blocked] == [("device", blocked.why)]
        assert found.destroyed_on == blocked.until
    assert await desk.chain(SERVICE_SUBJECT) == [("vault_searched", ANA)] * 5


async def test_others_are_not_found(desk: Desk) -> None:
    """Another address, device, person, request or case; the search is in the ledger all the same."""
    await desk.block("3.2.1")
    nobody = {"email": "jordi@resident.example", "serialNumber": "VEO-000002"}
    nobody |= dict.fromkeys(("personId", "requestId", "caseId"), "f" * 32)
    for name, value in nobody.items():
        assert await desk.find(**{name: value}) == [], name
    assert len(await desk.chain(SERVICE_SUBJECT)) == len(nobody)


async def test_the_cases_of_several_months_are_found_with_their_openings(desk: Desk) -> None:
    """The oldest first."""
    first = await desk.block("3.2.1")
    desk.clock.forward(days=62)
    second = await desk.block("4.0.0")
    await desk.opened(second)
    for by in ({"email": EMAIL}, {"requestId": REQUEST}):
        found = await desk.find(**by)
        assert [case.case_id for case in found] == [first, second]
    assert [opening.state for opening in found[1].openings] == ["open"]


async def test_what_is_to_be_destroyed_is_not_found(desk: Desk) -> None:
    """Not on its day, done or not; nor once the key is gone."""
    case_id = await desk.block("3.2.1")
    [case] = await desk.find(caseId=case_id)
    before = desk.clock.now
    desk.clock.now = before.replace(year=case.destroyed_on.year, month=case.destroyed_on.month, day=1, hour=0)
    assert await desk.find(caseId=case_id) == await desk.find(email=EMAIL) == []
    desk.clock.now = before
    [month] = [month async for month in desk.vault.months()]
    await desk.vault.blobs.delete(VAULT_KEYS, month)
    assert await desk.find(email=EMAIL) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"email": EMAIL, "personId": PERSON},
        {"email": "nobody"},
        {"personId": "maria"},
        {"caseId": EMAIL},
        {"email": EMAIL, "ground": "curiosity"},
    ],
)
def test_a_search_is_by_one_thing_for_a_ground_of_the_list(wanted: dict[str, Any]) -> None:
    """And by nothing that is none."""
    with pytest.raises(ValidationError):
        VaultSearch.model_validate_json(json.dumps({"ground": "court_order"} | wanted))


@pytest.mark.parametrize("reference", ["", "Maria Lopez", EMAIL, "x" * 41, "-1", "ñ"])
def test_a_reference_has_no_room_for_a_name(reference: str) -> None:
    """It stays as long as the case."""
    with pytest.raises(ValidationError):
        AskOpening.model_validate({"ground": "court_order", "reference": reference})
