"""Registration: who owns a monitor afterwards, whatever happens on the way."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from register_device.contract.monitors import DeviceData, Registration
from register_device.devices import list_devices, owned_device
from register_device.registration import register_monitor
from register_device.support_cases import close_case, open_case
from shared import ending_ownership
from shared.callers import AttestedMonitor
from shared.cosmos import Delete, declared
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point, listening
from shared.keys import read_device_token
from shared.notifications import notify
from tests.doubles import changed
from tests.people import IDENTITY_KEY, SERIAL, House
from tests.register_device.ownership_steps import renewed, said

pytestmark = pytest.mark.wire
LINKS = "SELECT * FROM c WHERE c.type = 'link'"


async def cut_off(house: House, claim: str, at: Point) -> None:
    """A registration whose worker dies at a point."""

    async def die(point: Point) -> None:
        if point == at:
            raise ConnectionError

    with listening(die), pytest.raises(ConnectionError):
        await house.register(claim)


async def test_a_new_monitor_belongs_to_who_asked_for_the_claim(house: House) -> None:
    """It may send usage readings, and nothing of performance."""
    access, is_new = await house.register(await house.claim("maria"), model="VEO-XS WIFI")
    assert is_new
    assert access.categories == ["usage"]
    device = await owned_device("maria", access.device_id, database=house.database)
    assert (device["serialNumber"], device["model"]) == (SERIAL, "VEO-XS WIFI")


async def test_everything_that_a_monitor_says_of_itself_is_kept(house: House) -> None:
    """Identifiers, model, family, versions, region and manufacture date, in the words of real devices."""
    said: dict[str, Any] = {
        "family": "MONITOR",
        "type": "VEO",
        "subtype": "WIFI",
        "model": "VEO-XS WIFI",
        "hardwareVersion": "01",
        "macAddress": "02:00:5E:00:01:17",
        "region": "ES",
        "manufacturedAt": datetime(2025, 4, 17, 9, 20, 47, 367000, tzinfo=UTC),
    }
    access = await house.pair("maria", **said)
    [device] = await list_devices("maria", database=house.database, now=house.clock())
    told = device.model_dump(by_alias=True)
    assert {name: told[name] for name in said} == said | {"manufacturedAt": "2025-04-17T09:20:47.367Z"}
    assert told["deviceId"] == access.device_id


async def test_the_token_carries_device_ownership_and_policy(house: House) -> None:
    """The gateway needs nothing else to admit a message."""
    access = await house.pair("maria")
    token = read_device_token(access.token, keys=house.keys, now=house.clock())
    assert (token.device_id, token.ownership_id, token.policy.epoch) == (access.device_id, access.ownership_id, 1)


async def test_a_repeated_registration_changes_nothing(house: House) -> None:
    """The network broke before the answer came: the monitor asks again with the same claim."""
    claim = await house.claim("maria")
    first, _ = await house.register(claim)
    house.clock.forward(minutes=1)
    again, is_new = await house.register(claim)
    assert not is_new
    assert (again.device_id, again.ownership_id) == (first.device_id, first.ownership_id)


async def test_a_factory_reset_keeps_owner_and_first_connection(house: House) -> None:
    """The same owner pairs it again with a new claim: same ownership, new firmware, same first connection."""
    before = await house.pair("maria")
    device_before = await owned_device("maria", before.device_id, database=house.database)
    house.clock.forward(days=400)
    after = await house.pair("maria", firmwareVersion="4.0.0")
    device = await owned_device("maria", after.device_id, database=house.database)
    assert after.ownership_id == before.ownership_id
    assert device["firstConnectedAt"] == device_before["firstConnectedAt"]
    assert device["firmwareVersion"] == "4.0.0"


async def test_a_second_hand_monitor_changes_hands(house: House) -> None:
    """Another account's claim ends the old ownership and begins a new one; each sees their own period."""
    old = await house.pair("maria")
    house.clock.forward(days=1)
    new = await house.pair("jordi")
    assert new.device_id == old.device_id
    assert new.ownership_id != old.ownership_id
    ended = await load_policy(house.database["telemetry"], old.ownership_id)
    assert ended.end == house.clock()
    with pytest.raises(Problem, match="device_not_yours"):
        await owned_device("maria", old.device_id, database=house.database)
    [of_maria] = await list_devices("maria", database=house.database, now=house.clock())
    [of_jordi] = await list_devices("jordi", database=house.database, now=house.clock())
    assert of_maria.until == of_jordi.since == house.clock()
    assert of_maria.serial_number is None


async def test_an_old_claim_does_not_take_a_monitor_back(house: House) -> None:
    """The former owner's claim is kept for a day after use; it founds no second ownership."""
    claim = await house.claim("maria")
    await house.register(claim)
    await house.pair("jordi")
    with pytest.raises(Problem, match="claim_used"):
        await house.register(claim)


async def test_a_monitor_must_speak_for_itself(house: House) -> None:
    """The device data names the monitor that proved its make."""
    with pytest.raises(Problem, match="serial_mismatch"):
        await register_monitor(
            AttestedMonitor("VEO-000002", "veo-wifi"),
            Registration(claim=await house.claim("maria"), device=DeviceData.model_validate({"serialNumber": SERIAL})),
            database=house.database,
            keys=house.keys,
            identity_key=IDENTITY_KEY,
            journal=house.journal,
            now=house.clock(),
        )


async def test_many_registrations_at_once_end_in_one_owner(house: House) -> None:
    """Two accounts, many tries, interleaved: one owner, and a past ownership for every other that ever was."""
    claims = [await house.claim(person) for person in ["maria", "jordi"] * 5]
    results = await asyncio.gather(*(house.register(claim) for claim in claims), return_exceptions=True)
    assert {result.code for result in results if isinstance(result, Problem)} <= {"busy", "claim_used"}
    assert not [r for r in results if isinstance(r, BaseException) and not isinstance(r, Problem)]
    winner = next(r[0] for r in results if not isinstance(r, BaseException))
    device = await house.database["devices"].read(winner.device_id, "device")
    assert device is not None
    past = [
        item
        async for item in house.database["devices"].query(
            "SELECT * FROM c WHERE c.type = 'pastOwnership'", partition=winner.device_id
        )
    ]
    assert device["ownershipId"] not in {item["ownershipId"] for item in past}
    for item in past:
        assert (await load_policy(house.database["telemetry"], item["ownershipId"])).end is not None


async def test_renewal_brings_the_policy_in_force(house: House) -> None:
    """A monitor learns at its next renewal that a support case was opened, and that it was closed."""
    access = await house.pair("maria")
    case = await open_case(
        "maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock()
    )
    assert (await renewed(house)).categories == ["usage", "performance"]
    house.clock.forward(days=1)
    await close_case(
        "maria", access.device_id, case.case_id, database=house.database, journal=house.journal, now=house.clock()
    )
    assert (await renewed(house)).categories == ["usage"]


async def test_the_ledger_says_who_came_to_own_it_and_who_lost_it(house: House) -> None:
    """Each owner in a chain of their own; a repeated registration, and a factory reset, are not told again."""
    claim = await house.claim("maria")
    await house.register(claim)
    await house.register(claim)
    await house.pair("maria")
    await house.pair("jordi")
    await house.pair("jordi")
    assert await said(house, "maria") == ["pairing_completed", "ownership_ended"]
    assert await said(house, "jordi") == ["pairing_completed"]


async def test_a_former_owner_who_was_erased_is_not_written_about(house: House) -> None:
    """Their monitor goes over all the same, and no name in the ledger is made for them anew."""
    await house.pair("maria")
    people = house.database["people"]
    await people._proxy.delete_item("ledgerSubject", "maria")
    await changed(people, "maria", lambda policy: replace(policy, tombstone=True))
    links = [item async for item in people.query("SELECT * FROM c WHERE c.type = 'link'", partition="maria")]
    for link in links:
        await people._proxy.delete_item(link["id"], "maria")
    await house.pair("jordi")
    assert await people.read("maria", "ledgerSubject") is None
    assert await said(house, "jordi") == ["pairing_completed"]


async def test_each_owner_is_told_once_of_what_became_of_the_monitor(house: House) -> None:
    """The new one that it was paired, the former one that it is theirs no more; a factory reset tells nothing."""
    old = await house.pair("maria")
    house.clock.forward(days=1)
    claim = await house.claim("jordi")
    new, _ = await house.register(claim)
    await house.register(claim)
    house.clock.forward(days=400)
    await house.pair("jordi")
    assert await house.told("maria") == [
        ("monitor_paired", old.ownership_id),
        ("ownership_ended", old.ownership_id),
    ]
    assert await house.told("jordi") == [("monitor_paired", new.ownership_id)]


async def test_a_registration_that_was_cut_off_tells_when_it_resumes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The links are changed after their people were told."""
    old = await house.pair("maria")
    claim = await house.claim("jordi")

    async def away(*_: object, **__: object) -> str:
        raise ConnectionError

    with monkeypatch.context() as outage:
        outage.setattr("shared.ending_ownership.notify", away)
        with pytest.raises(ConnectionError):
            await house.register(claim)
    new, _ = await house.register(claim)
    assert ("ownership_ended", old.ownership_id) in await house.told("maria")
    assert await house.told("jordi") == [("monitor_paired", new.ownership_id)]


async def test_an_erased_former_owner_is_told_nothing(house: House) -> None:
    """Nothing is written where they were."""
    old = await house.pair("maria")
    people = house.database["people"]
    items = [item["id"] async for item in people.query("SELECT c.id FROM c", partition="maria")]
    await people.batch("maria", [Delete(item_id) for item_id in items])
    await house.pair("jordi")
    assert await house.told("maria") == []
    assert (await load_policy(house.database["telemetry"], old.ownership_id)).end is not None


async def test_a_monitor_that_is_not_registered_gets_no_token(house: House) -> None:
    """Proving one's make is not belonging to somebody."""
    with pytest.raises(Problem, match="device_not_registered"):
        await renewed(house, "VEO-999999")


async def test_no_token_is_signed_while_the_ownership_before_is_open(house: House) -> None:
    """The takeover was cut off after the device had its new owner: the renewal finishes it."""
    old = await house.pair("maria")
    house.clock.forward(days=1)
    await cut_off(house, await house.claim("jordi"), "registration.owned")
    assert (await load_policy(house.database["telemetry"], old.ownership_id)).end is None
    new = await renewed(house)
    assert new.ownership_id != old.ownership_id
    assert (await load_policy(house.database["telemetry"], old.ownership_id)).end == house.clock()
    assert len(await list_devices("jordi", database=house.database, now=house.clock())) == 1
    assert await house.told("jordi") == [("monitor_paired", new.ownership_id)]


async def test_a_renewal_ends_what_came_before_also_for_an_owner_who_was_erased(house: House) -> None:
    """The new owner was erased before the takeover was finished; nothing is written about them."""
    old = await house.pair("maria")
    await cut_off(house, await house.claim("jordi"), "registration.owned")
    people = house.database["people"]
    items = [item["id"] async for item in people.query("SELECT c.id FROM c", partition="jordi")]
    await people.batch("jordi", [Delete(item_id) for item_id in items])
    await renewed(house)
    assert (await load_policy(house.database["telemetry"], old.ownership_id)).end is not None
    assert await house.told("jordi") == []


async def test_a_takeover_that_resumes_admits_nothing_of_the_hours_in_between(house: House) -> None:
    """The monitor was still the former owner's: the new ownership begins when it is founded, for all who say so."""
    old = await house.pair("maria")
    house.clock.forward(days=1)
    claim = await house.claim("jordi")
    await cut_off(house, claim, "registration.gated")
    house.clock.forward(hours=20)
    new, _ = await house.register(claim)
    policy = await load_policy(house.database["telemetry"], new.ownership_id)
    before = house.clock() - timedelta(hours=10)
    assert policy.refusal("usage", before, house.clock()) == "outside_ownership"
    assert policy.refusal("usage", house.clock(), house.clock()) is None
    assert (await load_policy(house.database["telemetry"], old.ownership_id)).end == policy.start == house.clock()
    [of_jordi] = await list_devices("jordi", database=house.database, now=house.clock())
    [of_maria] = await list_devices("maria", database=house.database, now=house.clock())
    assert of_jordi.since == of_maria.until == house.clock()
    assert ("telemetry", new.ownership_id, policy) in house.journal.entries


async def test_the_key_of_another_group_does_not_speak_for_a_monitor(house: House) -> None:
    """Neither for its token nor to pair it anew; the group it was enrolled in stays."""
    access = await house.pair("maria")
    with pytest.raises(Problem, match="attestation_refused"):
        await renewed(house, group="another-group")
    asked = Registration(claim=await house.claim("jordi"), device=DeviceData.model_validate({"serialNumber": SERIAL}))
    with pytest.raises(Problem, match="attestation_refused"):
        await register_monitor(
            AttestedMonitor(SERIAL, "another-group"),
            asked,
            database=house.database,
            keys=house.keys,
            identity_key=IDENTITY_KEY,
            journal=house.journal,
            now=house.clock(),
        )
    device = await owned_device("maria", access.device_id, database=house.database)
    assert device["enrolmentGroup"] == "veo-wifi"


async def links(house: House, person_id: str) -> list[tuple[str, bool]]:
    items = house.database["people"].query(LINKS, partition=person_id)
    return [(item["state"], "until" in item) async for item in items]


async def test_a_link_that_ends_while_it_becomes_active_has_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The takeover has read the former link as pending when that becomes active: it reads again, and ends it."""
    first, second = await house.claim("maria"), await house.claim("jordi")
    await cut_off(house, first, "registration.owned")

    async def told(person_id: str, template: str, *rest: Any, **named: Any) -> None:
        if template == "ownership_ended":
            people = house.database["people"]
            [link] = [item async for item in people.query(LINKS, partition="maria")]
            if link["state"] == "pending":
                await people.replace(declared(link) | {"state": "active"}, link["_etag"])
        await notify(person_id, template, *rest, **named)

    monkeypatch.setattr(ending_ownership, "notify", told)
    await house.register(second)
    assert await links(house, "maria") == [("ended", True)]


async def test_a_link_that_has_ended_never_becomes_active(house: House) -> None:
    """A registration that was held up for long finishes after the takeover: it changes nothing."""
    claim = await house.claim("maria")
    taken = False

    async def take_over(point: Point) -> None:
        nonlocal taken
        if point == "registration.owned" and not taken:
            taken = True
            await house.pair("jordi")

    with listening(take_over):
        await house.register(claim)
    assert await links(house, "maria") == [("ended", True)]
    assert await links(house, "jordi") == [("active", False)]


async def test_a_claim_that_only_paired_anew_does_not_take_a_monitor_back(house: House) -> None:
    """It founded no ownership, and was used before the monitor was sold."""
    await house.pair("maria")
    repair = await house.claim("maria")
    await house.register(repair)
    house.clock.forward(minutes=5)
    await house.pair("jordi")
    house.clock.forward(hours=1)
    with pytest.raises(Problem, match="claim_used"):
        await house.register(repair)
