"""Who has asked: staff find a person by what is on a letter, and are told random ids."""

import pytest
from pydantic import ValidationError

from export_user_data.whom import Who
from shared.errors import Problem
from tests.export_user_data.on_behalf.conftest import Clerk
from tests.people import SERIAL

pytestmark = pytest.mark.wire


async def test_a_serial_number_finds_owner_guest_and_former_owner(clerk: Clerk) -> None:
    """By role and period, and each of them sees in their ledger that they were looked up."""
    hosts = clerk.hosts
    former = await hosts.move_in("jordi")
    hosts.clock.forward(days=1)
    owner = await hosts.move_in("maria")
    guest = await hosts.sign_in("ana")
    await hosts.accept(guest, await hosts.invited(owner, "ana"))
    found = (await clerk.find(serialNumber=SERIAL)).people
    assert [(one.person_id, [tie.role for tie in one.ties]) for one in found] == [
        (owner.person_id, ["owner"]),
        (guest.person_id, ["guest"]),
        (former.person_id, ["former_owner"]),
    ]
    [past] = found[2].ties
    assert (past.device_id, past.until) == (hosts.device_id, clerk.clock())
    for person in (owner, guest, former):
        assert ("person_found", "staff:privacy") in await clerk.recorded(person.person_id)
    assert {one.person_id for one in (await clerk.find(deviceId=hosts.device_id)).people} == {
        one.person_id for one in found
    }


async def test_what_is_told_of_somebody_names_nobody(clerk: Clerk) -> None:
    """No name, no address, nothing that they did."""
    owner = await clerk.hosts.move_in("maria")
    [found] = (await clerk.find(personId=owner.person_id)).people
    assert found.model_dump(by_alias=True).keys() == {"personId", "hasAccount", "ties"}
    assert [tie.model_dump(by_alias=True).keys() for tie in found.ties] == [{"role", "deviceId", "since", "until"}]
    assert [(tie.role, tie.device_id) for tie in found.ties] == [("owner", clerk.hosts.device_id)]


async def test_an_address_finds_who_gave_it_without_an_account(clerk: Clerk) -> None:
    """And nobody who signs in, though the service would know: an address is no proof of who writes."""
    lead = await clerk.lead()
    [found] = (await clerk.find(email="Ana@Personal.example")).people
    assert (found.person_id, found.has_account, found.ties) == (lead, False, [])
    signed_in = await clerk.hosts.sign_in("maria")
    with pytest.raises(Problem, match="person_unknown"):
        await clerk.find(email="maria@resident.example")
    assert await clerk.recorded(lead) == [("person_found", "staff:privacy")]
    assert await clerk.recorded(signed_in.person_id) == []


async def test_the_id_of_a_copy_finds_who_asked_for_it(clerk: Clerk) -> None:
    """As it stands on the answer to the letter before."""
    lead = await clerk.lead()
    copy = await clerk.order(lead)
    [found] = (await clerk.find(requestId=copy.export_id)).people
    assert found.person_id == lead
    [entry] = [entry for entry in await clerk.chain(lead) if entry["action"] == "person_found"]
    assert entry["details"] == {"purpose": "rights_request", "by": "request_id"}


@pytest.mark.parametrize("name", ["personId", "deviceId", "serialNumber", "email", "requestId"])
async def test_who_is_not_there_is_counted_and_stored_nowhere(clerk: Clerk, name: str) -> None:
    """Whatever they are named by."""
    await clerk.hosts.move_in("maria")
    value = {"email": "nobody@personal.example", "serialNumber": "VEO-999999"}.get(name, "0" * 32)
    with pytest.raises(Problem, match="person_unknown") as refused:
        await clerk.find(**{name: value})
    assert refused.value.counted == "staff.person_unknown"
    entries = clerk.database["ledger"].query("SELECT * FROM c WHERE c.type = 'ledgerEntry'")
    assert {entry["action"] async for entry in entries} == {"pairing_completed"}


@pytest.mark.parametrize("who", [{}, {"personId": "0", "email": "ana@personal.example"}, {"serialNumber": "no"}])
def test_a_person_is_named_in_one_way(who: dict[str, str]) -> None:
    """By none or by two nobody could tell who is meant."""
    with pytest.raises(ValidationError):
        Who.model_validate(who)
