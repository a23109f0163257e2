"""Staff find what people told us, and correct what they had mistyped."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from export_user_data.restriction import restrictions
from export_user_data.restriction.contract import RestrictionRequest
from export_user_data.restriction.office import Office as RestrictionOffice
from shared.callers import Resident
from shared.clock import text
from shared.errors import Problem
from tests.doubles import RecordingHub
from tests.export_user_data.interactions.conftest import Desk
from tests.export_user_data.rectification.conftest import SALES, SELLER
from tests.people import SERIAL

pytestmark = pytest.mark.wire

WORDS = "The camera is dark."


async def test_staff_find_what_somebody_told_us(desk: Desk, maria: Resident) -> None:
    """By address without an account, by device, serial number or id; who entered it is not told."""
    await desk.office.enter(email="lea@resident.example", basis="consent")
    await desk.office.enter(serialNumber=SERIAL)
    by_address = await desk.find(email="Lea@resident.example")
    assert (by_address.has_account, [one.basis for one in by_address.interactions]) == (False, ["consent"])
    assert by_address.person_id == await desk.lead("lea")
    device_id = desk.office.hosts.device_id
    for who in ({"deviceId": device_id}, {"serialNumber": SERIAL}, {"personId": maria.person_id}):
        found = await desk.find(**who)
        assert (found.person_id, found.has_account) == (maria.person_id, True)
        assert [(one.text, one.basis) for one in found.interactions] == [(WORDS, "contract")]
        assert SELLER.staff_id not in str(found)


async def test_who_signs_in_is_not_found_by_their_address(desk: Desk) -> None:
    """Also when they gave it before they had an account: an address is no proof of who speaks."""
    await desk.office.enter(email="lea@resident.example")
    await desk.find(email="lea@resident.example")
    lea = await desk.office.hosts.sign_in("lea")
    with pytest.raises(Problem, match="person_unknown"):
        await desk.find(email="lea@resident.example")
    assert (await desk.find(personId=lea.person_id)).has_account


async def test_every_look_is_in_the_ledger(desk: Desk, maria: Resident) -> None:
    """Of whom it was about, with the purpose, also when there was nothing to see."""
    await desk.find(personId=maria.person_id)
    office = desk.office
    await desk.find(serialNumber=SERIAL)
    entries = await office.stored("ledger", "ledgerEntry")
    looks = [one for one in entries if one["action"] == "interactions_viewed"]
    assert [(one["actorKind"], one["details"]) for one in looks] == [("staff:sales", {"purpose": "complaint"})] * 2


@pytest.mark.parametrize(
    "who",
    [
        {"email": "nobody@resident.example"},
        {"serialNumber": "VEO-999999"},
        {"deviceId": "0" * 32},
        {"personId": "0" * 32},
    ],
)
async def test_nobody_is_found_who_is_not_there(desk: Desk, who: dict[str, str]) -> None:
    """However they are named; and naming nobody or two is refused."""
    with pytest.raises(Problem, match="person_unknown"):
        await desk.find(**who)
    for wrong in ({}, {"personId": "0" * 32, "serialNumber": "VEO-999999"}):
        with pytest.raises(ValidationError):
            await desk.find(**wrong)


@pytest.mark.parametrize(
    ("value", "stored", "field"),
    [
        ({"text": "The bell is silent."}, "The bell is silent.", "text"),
        ({"channel": "website"}, "website", "channel"),
        ({"subject": "complaint"}, "complaint", "subject"),
    ],
)
async def test_what_staff_mistyped_is_corrected(
    desk: Desk, maria: Resident, value: dict[str, Any], stored: str, field: str
) -> None:
    """The old value is blocked; the ledger says that it was staff, and the person and the recipients are told."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    office.clock.forward(hours=1)
    done = await desk.correct(maria.person_id, interaction_id, **value)
    [item] = await office.stored("people", "interaction")
    assert (item[field], item["updatedAt"]) == (stored, text(office.clock()))
    old = {"text": WORDS, "channel": "technician", "subject": "repair"}[field]
    assert [one[field] for one in await office.blocked()] == [old]
    assert await desk.recorded(maria.person_id) == [
        ("interaction_entered", "staff:sales"),
        ("interaction_correction_asked", "staff:sales"),
        ("data_rectified", "service"),
    ]
    assert (await office.told(maria, "interaction_corrected"), await office.told(maria)) == (1, 0)
    notice = (await office.notices(done.rectification_id))[SALES]
    assert (notice["about"][field], notice["about"]["formerly"]["text"]) == (stored, WORDS)
    [record] = await office.stored("people", "rectification")
    assert record["by"] == "staff"
    with pytest.raises(Problem, match="interaction_unknown"):
        await desk.correct(maria.person_id, "0" * 32, **value)


async def test_a_time_is_corrected_to_one_that_has_been(desk: Desk, maria: Resident) -> None:
    """Not to one that is to come."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    with pytest.raises(Problem, match="field_out_of_range"):
        await desk.correct(maria.person_id, interaction_id, at=text(office.clock() + timedelta(minutes=1)))
    earlier = text(office.clock() - timedelta(days=1))
    await desk.correct(maria.person_id, interaction_id, at=earlier)
    [item] = await office.stored("people", "interaction")
    assert item["at"] == earlier


async def test_what_is_no_correction_is_refused(desk: Desk, maria: Resident) -> None:
    """The same value, a word of no list, nothing, two values."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    with pytest.raises(Problem, match="nothing_to_rectify"):
        await desk.correct(maria.person_id, interaction_id, text=WORDS)
    with pytest.raises(Problem, match="field_out_of_range"):
        await desk.correct(maria.person_id, interaction_id, channel="fax")
    for wrong in ({}, {"text": "a", "channel": "sales"}):
        with pytest.raises(ValidationError):
            await desk.correct(maria.person_id, interaction_id, **wrong)


async def test_what_is_restricted_is_neither_shown_nor_changed(desk: Desk, maria: Resident) -> None:
    """It is stored, for its person alone; what is told meanwhile can be entered."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    at = RestrictionOffice(
        database=office.database, journal=office.hosts.house.journal, hub=RecordingHub(), now=office.clock()
    )
    wanted = '{"scope": "category", "category": "interactions", "ground": "accuracy_contested"}'
    await restrictions.restrict(maria.person_id, RestrictionRequest.model_validate_json(wanted), at)
    for refused in (
        desk.find(personId=maria.person_id),
        desk.correct(maria.person_id, interaction_id, text="Else."),
        desk.take_away(maria.person_id, interaction_id),
    ):
        with pytest.raises(Problem, match="data_restricted"):
            await refused
    await office.enter(deviceId=office.hosts.device_id, text="The person insists.")
    assert len(await office.stored("people", "interaction")) == 2
