"""Ownership: how a monitor is given up, taken back, shut out and let in, and what is cut off on the way."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, get_args

import pytest

from register_device import admissions, disputes, ownership, repairs
from register_device.contract.monitors import DeviceAccess, DeviceData, Registration, Renewal
from register_device.contract.ownership import Dispute
from register_device.devices import list_devices, note_invoice, one_device, owned_device, release_device
from register_device.registration import register_monitor, renew_access
from register_device.repairs import REPAIRED_AFTER, repair
from shared import ledger
from shared.callers import AttestedMonitor, Role, Staff
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point, listening
from shared.keys import KeySet, keyed_id
from tests.conftest import SettableClock
from tests.people import IDENTITY_KEY, SERIAL, House

pytestmark = pytest.mark.wire

SUPPORT = Staff("5" * 32, frozenset({Role.SUPPORT}))
FLEET = Staff("f" * 32, frozenset({Role.FLEET}))
DEVICE_ID = keyed_id(IDENTITY_KEY, "device", SERIAL)


@pytest.fixture
def house(database: Database, device_keys: KeySet, clock: SettableClock) -> House:
    return House(database, device_keys, clock)


class CutOff(Exception):
    """A worker is killed."""


async def cut(work: Awaitable[object], at: Point) -> bool:
    """Do some work until a point; return whether it was reached."""

    async def die(point: Point) -> None:
        if point == at:
            raise CutOff

    with listening(die):
        try:
            await work
        except CutOff:
            return True
    return False


async def released(house: House, person_id: str = "maria") -> None:
    await release_device(person_id, DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())


async def renewed(house: House, *, token: str | None = None) -> DeviceAccess:
    return await renew_access(
        AttestedMonitor(SERIAL, "veo-wifi"),
        Renewal(token=token),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )


async def disputed(house: House, person_id: str = "maria") -> Dispute:
    return await disputes.open_dispute(person_id, DEVICE_ID, database=house.database, now=house.clock())


async def decided(house: House, dispute: Dispute, outcome: disputes.Outcome) -> Dispute:
    return await disputes.decide(
        SUPPORT,
        DEVICE_ID,
        dispute.dispute_id,
        outcome,
        "complaint",
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def revoked(house: House, serial: str = SERIAL) -> None:
    await admissions.revoke(
        FLEET,
        keyed_id(IDENTITY_KEY, "device", serial),
        serial,
        "security_incident",
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def pasts(house: House) -> list[Item]:
    query = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
    found = [item async for item in house.database["devices"].query(query, partition=DEVICE_ID)]
    return sorted(found, key=lambda past: str(past["since"]))


async def owner(house: House) -> str | None:
    device = await house.database["devices"].read(DEVICE_ID, "device")
    return device.get("ownerPersonId") if device else None


async def check_history(house: House, *, people: tuple[str, ...] = ("maria", "jordi")) -> None:
    """One owner at most; periods follow each other; every gate and link says what the device says."""
    device = await house.database["devices"].read(DEVICE_ID, "device")
    assert device is not None
    past = await pasts(house)
    for earlier, later in itertools.pairwise(past):
        assert earlier["until"] <= later["since"]
    for item in past:
        assert (await load_policy(house.database["telemetry"], item["ownershipId"])).end is not None
        assert "settledAt" in item
    if "ownershipId" in device:
        assert (await load_policy(house.database["telemetry"], device["ownershipId"])).end is None
        assert all(item["until"] <= device["ownedSince"] for item in past)
    ended = {item["ownershipId"] for item in past}
    for person in people:
        query = "SELECT * FROM c WHERE c.type = 'link'"
        async for link in house.database["people"].query(query, partition=person):
            if link["state"] == "active":
                assert (device.get("ownershipId"), device["ownerPersonId"]) == (link["ownershipId"], person)
            elif link["state"] == "ended":
                assert link["ownershipId"] in ended
            else:
                assert link["ownershipId"] not in ended | {device.get("ownershipId")}


async def test_a_released_monitor_belongs_to_nobody(house: House) -> None:
    """Its owner keeps their period; the monitor gets no token; whoever pairs it next begins anew."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    await released(house)
    assert await owner(house) is None
    [link] = await list_devices("maria", database=house.database, now=house.clock())
    assert (link.until, link.serial_number) == (house.clock(), None)
    for token in (None, access.token):
        with pytest.raises(Problem, match="device_not_registered"):
            await renewed(house, token=token)
    house.clock.forward(days=1)
    new = await house.pair("jordi")
    assert new.ownership_id != access.ownership_id
    assert (await house.told("maria"))[-1] == ("monitor_released", access.ownership_id)
    await check_history(house)


async def test_the_same_owner_may_pair_a_released_monitor_again(house: House) -> None:
    """It is a new period; the date first connected stays."""
    before = await house.pair("maria")
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    house.clock.forward(days=1)
    await released(house)
    house.clock.forward(days=1)
    after = await house.pair("maria")
    assert after.ownership_id != before.ownership_id
    again = await owned_device("maria", DEVICE_ID, database=house.database)
    assert again["firstConnectedAt"] == device["firstConnectedAt"]
    await check_history(house)


async def test_releasing_again_answers_as_before(house: House) -> None:
    """The answer was lost on the way."""
    await house.pair("maria")
    house.clock.forward(days=1)
    first = await release_device("maria", DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())
    house.clock.forward(days=1)
    again = await release_device("maria", DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())
    assert again == first
    assert [told for told, _ in await house.told("maria")].count("monitor_released") == 1


async def test_nobody_releases_what_is_not_theirs(house: House) -> None:
    """Neither a stranger's nor one that is not there."""
    with pytest.raises(Problem, match="device_not_yours"):
        await released(house)
    await house.pair("maria")
    with pytest.raises(Problem, match="device_not_yours"):
        await released(house, "jordi")


@pytest.mark.parametrize("point", ["ownership.ended", "ownership.gate_ended", "ownership.link_ended"])
async def test_a_release_that_was_cut_off_is_finished_by_its_repeat(house: House, point: Point) -> None:
    """And by whatever comes first: here nothing but the repeat."""
    await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(released(house), point)
    await released(house)
    await check_history(house)
    assert [told for told, _ in await house.told("maria")].count("monitor_released") == 1


async def test_a_claim_from_before_a_release_pairs_nothing(house: House) -> None:
    """Whoever kept an old claim of theirs does not get a monitor that was let go."""
    claim = await house.claim("jordi")
    await house.register(claim, "VEO-000002")
    await house.pair("maria")
    repair = await house.claim("maria")
    await house.register(repair)
    house.clock.forward(minutes=1)
    await released(house)
    with pytest.raises(Problem, match="claim_used"):
        await house.register(repair)


async def test_support_gives_a_disputed_monitor_back(house: House) -> None:
    """A new period begins for the former owner; what lies in between stays with who had it then."""
    first = await house.pair("maria")
    house.clock.forward(days=1)
    taken = await house.pair("jordi")
    house.clock.forward(days=1)
    dispute = await disputed(house)
    assert dispute.state == "open"
    house.clock.forward(days=1)
    assert (await decided(house, dispute, "reversed")).state == "reversed"
    assert await owner(house) == "maria"
    back = await renewed(house, token=taken.token)
    assert back.ownership_id not in {first.ownership_id, taken.ownership_id}
    assert back.owned_since == house.clock()
    periods = await list_devices("maria", database=house.database, now=house.clock())
    assert [period.until is None for period in periods] == [False, True]
    assert (await house.told("jordi"))[-1] == ("takeover_reversed", taken.ownership_id)
    await check_history(house)


async def test_the_ledger_says_who_decided_and_why(house: House) -> None:
    """In the chain of the person who disputed."""
    await house.pair("maria")
    await house.pair("jordi")
    dispute = await disputed(house)
    await decided(house, dispute, "kept")
    subject = await ledger.subject_of("maria", people=house.database["people"])
    query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
    entries = [item async for item in house.database["ledger"].query(query, partition=subject)]
    assert [entry["action"] for entry in entries][-2:] == ["takeover_disputed", "dispute_decided"]
    assert (entries[-1]["actorKind"], entries[-1]["details"]["purpose"]) == ("staff:support", "complaint")


async def test_a_dispute_that_is_not_upheld_changes_nothing(house: House) -> None:
    """But the person is told; and the decision is not changed by asking again."""
    await house.pair("maria")
    await house.pair("jordi")
    dispute = await disputed(house)
    house.clock.forward(days=1)
    await decided(house, dispute, "kept")
    assert await owner(house) == "jordi"
    assert (await house.told("maria"))[-1] == ("dispute_kept", dispute.dispute_id)
    with pytest.raises(Problem, match="dispute_decided"):
        await decided(house, dispute, "reversed")
    [shown] = await disputes.of_device(DEVICE_ID, database=house.database)
    assert shown.state == "kept"


async def test_disputing_twice_is_one_dispute(house: House) -> None:
    """Told and recorded once."""
    await house.pair("maria")
    await house.pair("jordi")
    assert await disputed(house) == await disputed(house)
    assert [told for told, _ in await house.told("maria")].count("dispute_opened") == 1


async def test_only_a_takeover_of_the_last_30_days_can_be_disputed(house: House) -> None:
    """Not what one released, not what is still or again one's own, not what never was."""
    with pytest.raises(Problem, match="device_not_yours"):
        await disputed(house)
    await house.pair("maria")
    with pytest.raises(Problem, match="device_not_yours"):
        await disputed(house)
    with pytest.raises(Problem, match="device_not_yours"):
        await disputed(house, "jordi")
    await house.pair("jordi")
    house.clock.forward(days=30)
    with pytest.raises(Problem, match="dispute_too_late"):
        await disputed(house)
    await released(house, "jordi")
    with pytest.raises(Problem, match="nothing_to_dispute"):
        await disputed(house, "jordi")


async def test_a_monitor_that_went_on_to_a_third_is_not_given_back(house: House) -> None:
    """The third may know nothing of it: the present ownership has to be disputed."""
    await house.pair("maria")
    await house.pair("jordi")
    dispute = await disputed(house)
    house.clock.forward(hours=1)
    await house.pair("anna")
    with pytest.raises(Problem, match="dispute_outdated"):
        await decided(house, dispute, "reversed")
    assert await owner(house) == "anna"
    with pytest.raises(Problem, match="dispute_unknown"):
        await decided(house, dispute.model_copy(update={"dispute_id": "0" * 32}), "kept")


@pytest.mark.parametrize(
    "point",
    [
        "dispute.decided",
        "registration.linked",
        "registration.gated",
        "ownership.gate_ended",
        "ownership.link_ended",
    ],
)
async def test_a_reversal_that_was_cut_off_is_finished_by_its_repeat(house: House, point: Point) -> None:
    """One new period, however often it is decided."""
    await house.pair("maria")
    house.clock.forward(hours=1)
    await house.pair("jordi")
    dispute = await disputed(house)
    house.clock.forward(hours=1)
    assert await cut(decided(house, dispute, "reversed"), point)
    house.clock.forward(minutes=1)
    await decided(house, dispute, "reversed")
    await decided(house, dispute, "reversed")
    assert await owner(house) == "maria"
    assert len(await pasts(house)) == 2
    await check_history(house)


async def test_a_revoked_monitor_is_shut_out(house: House) -> None:
    """Its ownership ends, its token renews nothing, it cannot be paired; the owner is told and keeps their period."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    await revoked(house)
    assert (await load_policy(house.database["telemetry"], access.ownership_id)).end == house.clock()
    for token in (None, access.token):
        with pytest.raises(Problem, match="attestation_refused") as refused:
            await renewed(house, token=token)
        assert refused.value.counted == "attestation.revoked"
    with pytest.raises(Problem, match="attestation_refused"):
        await house.pair("maria")
    assert (await house.told("maria"))[-1] == ("monitor_revoked", access.ownership_id)
    await revoked(house)
    await check_history(house)


@pytest.mark.parametrize("point", ["ownership.ended", "ownership.gate_ended", "ownership.link_ended"])
@pytest.mark.parametrize("ending", [released, revoked], ids=["released", "revoked"])
async def test_an_end_that_was_cut_off_and_that_nobody_repeats_is_settled(
    house: House, point: Point, ending: Callable[[House], Awaitable[None]]
) -> None:
    """By the timer: from then on the last token renews nothing, and nothing that the monitor sends is stored."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(ending(house), point)
    house.clock.now += REPAIRED_AFTER
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert ends == {"settled": 1}
    with pytest.raises(Problem, match=r"attestation_refused|device_not_registered"):
        await renewed(house, token=access.token)
    assert (await load_policy(house.database["telemetry"], access.ownership_id)).end is not None
    await check_history(house)
    assert not await repair(database=house.database, journal=house.journal, now=house.clock())


async def test_one_that_cannot_be_repaired_does_not_keep_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fault is raised when the others have had their turn."""
    for number in range(3):
        assert await cut(
            house.register(await house.claim(f"person-{number}"), f"VEO-00000{number}"), "registration.owned"
        )
    house.clock.now += REPAIRED_AFTER
    finish, seen = ownership.finish, []

    async def fails_once(device: Item, **rest: Any) -> None:
        seen.append(device)
        if len(seen) == 1:
            raise ConnectionError
        await finish(device, **rest)

    monkeypatch.setattr(ownership, "finish", fails_once)
    with pytest.raises(ConnectionError):
        await repair(database=house.database, journal=house.journal, now=house.clock())
    assert len(seen) == 3
    assert await repair(database=house.database, journal=house.journal, now=house.clock()) == {"completed": 1}


async def test_what_only_waits_does_not_keep_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put behind them."""
    monkeypatch.setattr(repairs, "AT_ONCE", 2)
    for number in range(4):
        assert await cut(
            house.register(await house.claim(f"person-{number}"), f"VEO-00000{number}"), "registration.gated"
        )
        house.clock.forward(seconds=1)
    house.clock.now += REPAIRED_AFTER
    assert await cut(house.register(await house.claim("maria")), "registration.owned")
    for expected in ({"waited for": 2}, {"waited for": 2}):
        house.clock.forward(minutes=1)
        assert await repair(database=house.database, journal=house.journal, now=house.clock()) == expected
    house.clock.now += REPAIRED_AFTER
    ends = [await repair(database=house.database, journal=house.journal, now=house.clock()) for _ in range(3)]
    assert sum(end["completed"] for end in ends) == 1


async def test_a_monitor_that_is_not_let_in_spends_no_claim(house: House) -> None:
    """The right monitor pairs with it afterwards, and has all its tries."""
    await house.pair("maria")
    claim = await house.claim("jordi")
    for shown in (claim, *["0000-0000"] * 10):
        asked = Registration(claim=shown, device=DeviceData.model_validate({"serialNumber": SERIAL}))
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
    _, is_new = await house.register(claim)
    assert is_new


async def test_a_new_owner_sees_nothing_that_was_said_in_the_former_ones_time(house: House) -> None:
    """But what the device is whoever owns it."""
    claim = await house.claim("maria", country="FR")
    await house.register(claim, model="VEO-XS", technical={"divertService": "sip:maria"})
    house.clock.forward(days=1)
    await register_as_new(house)
    device = await one_device("jordi", DEVICE_ID, database=house.database, now=house.clock())
    assert (device.region, device.technical, device.firmware_version) == (None, {}, None)
    assert (device.model, device.serial_number) == ("VEO-XS", SERIAL)


async def register_as_new(house: House) -> None:
    """Another account's claim, and a monitor that says its serial number only."""
    await register_monitor(
        AttestedMonitor(SERIAL, "veo-wifi"),
        Registration(claim=await house.claim("jordi"), device=DeviceData.model_validate({"serialNumber": SERIAL})),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )


async def test_a_dispute_follows_a_monitor_that_was_paired_anew(house: House) -> None:
    """Whoever took it releases it and pairs it again: the person disputes that, and gets it back."""
    await house.pair("maria")
    house.clock.forward(hours=1)
    await house.pair("jordi")
    first = await disputed(house)
    house.clock.forward(hours=1)
    await released(house, "jordi")
    house.clock.forward(hours=1)
    await house.pair("jordi")
    with pytest.raises(Problem, match="dispute_outdated"):
        await decided(house, first, "reversed")
    second = await disputed(house)
    assert second.dispute_id != first.dispute_id
    house.clock.forward(hours=1)
    await decided(house, second, "reversed")
    assert await owner(house) == "maria"
    await check_history(house)


async def test_a_monitor_that_was_never_registered_can_be_shut_out(house: House) -> None:
    """As a batch that was stolen on its way to the shop. Let in again, it is paired as any other."""
    await revoked(house)
    with pytest.raises(Problem, match="attestation_refused"):
        await house.pair("maria")
    await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    house.clock.forward(days=1)
    await house.pair("maria")
    [device] = await list_devices("maria", database=house.database, now=house.clock())
    assert device.first_connected_at == house.clock()


async def test_nothing_is_let_in_or_moved_that_is_not_known(house: House) -> None:
    """A serial number with a slip in it."""
    with pytest.raises(Problem, match="device_not_registered"):
        await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    with pytest.raises(Problem, match="device_not_registered"):
        await moved(house, "veo-wifi-2")
    with pytest.raises(Problem, match="enrolment_group_unknown"):
        await moved(house, "no such group")


async def moved(house: House, group: str) -> None:
    await admissions.move_to_group(
        FLEET,
        DEVICE_ID,
        group,
        "security_incident",
        groups={"veo-wifi", "veo-wifi-2"},
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def test_a_monitor_that_was_moved_proves_its_make_by_the_other_group(house: House) -> None:
    """And by the former one no more, with whatever token."""
    access = await house.pair("maria")
    await moved(house, "veo-wifi-2")
    house.clock.forward(hours=1)
    for token in (None, access.token):
        with pytest.raises(Problem, match="attestation_refused"):
            await renewed(house, token=token)
    by_new_group = await renew_access(
        AttestedMonitor(SERIAL, "veo-wifi-2"),
        Renewal(token=access.token),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )
    assert by_new_group.ownership_id == access.ownership_id


async def test_what_staff_did_to_a_monitor_is_in_the_services_chain(house: House) -> None:
    """With purpose and by whom, also when it belongs to nobody."""
    await revoked(house)
    await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    await moved(house, "veo-wifi-2")
    query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
    entries = [item async for item in house.database["ledger"].query(query, partition="service")]
    assert [(entry["action"], entry["actorKind"], entry["details"]["purpose"]) for entry in entries] == [
        ("monitor_revoked", "staff:fleet", "security_incident"),
        ("monitor_admitted", "staff:fleet", "repair"),
        ("enrolment_group_changed", "staff:fleet", "security_incident"),
    ]


CUTS: list[Point] = [
    "registration.claimed",
    "registration.linked",
    "registration.gated",
    "registration.owned",
    "ownership.gate_ended",
    "ownership.link_ended",
    "registration.finished",
]


@pytest.mark.parametrize("point", CUTS)
async def test_a_registration_that_nobody_repeats_is_repaired(house: House, point: Point) -> None:
    """Completed where the device has its new owner; otherwise taken back once its claim is no longer kept."""
    await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(house.register(await house.claim("jordi")), point)
    for wait in ({"minutes": 6}, {"days": 1, "hours": 1}):
        house.clock.forward(**wait)
        await repair(database=house.database, journal=house.journal, now=house.clock())
    is_owned = point not in {"registration.claimed", "registration.linked", "registration.gated"}
    assert await owner(house) == ("jordi" if is_owned else "maria")
    query = "SELECT * FROM c WHERE c.type = 'link'"
    states = [link["state"] async for link in house.database["people"].query(query, partition="jordi")]
    assert states == (["active"] if is_owned else [])
    await check_history(house)


async def test_a_registration_under_way_is_left_alone(house: House) -> None:
    """And so is one whose claim may still be shown again: it resumes after a repair has looked at it."""
    claim = await house.claim("maria")
    assert await cut(house.register(claim), "registration.gated")
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert not ends
    house.clock.now += REPAIRED_AFTER
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert ends == {"waited for": 1}
    await house.register(claim)
    assert await owner(house) == "maria"
    await check_history(house)


async def test_a_link_that_is_taken_back_leaves_a_closed_gate(house: House) -> None:
    """Nothing can be stored under an ownership that never was."""
    assert await cut(house.register(await house.claim("maria")), "registration.gated")
    [gate] = [item async for item in house.database["telemetry"].query("SELECT * FROM c WHERE c.type = 'gate'")]
    house.clock.forward(days=2)
    assert await repair(database=house.database, journal=house.journal, now=house.clock()) == {"removed": 1}
    policy = await load_policy(house.database["telemetry"], gate["ownershipId"])
    assert policy.refusal("usage", policy.start, house.clock()) == "outside_ownership"


def interleaving(seed: int) -> Callable[[Point], Awaitable[None]]:
    """Waits at every point for a random while, and dies at one point in twenty."""
    chance = random.Random(seed)  # noqa: S311 - shuffles a test

    async def wait(_point: Point) -> None:
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        if chance.random() < 0.05:
            raise CutOff

    return wait


async def test_a_hundred_registrations_by_two_accounts_end_in_one_owner(house: House) -> None:
    """Interleaved and cut off at every point; then the timer repairs: one owner and a consistent history."""
    reached: set[Point] = set()
    wait = interleaving(20261122)

    async def listener(point: Point) -> None:
        reached.add(point)
        await wait(point)

    claims = [await house.claim(person) for person in ("maria", "jordi") * 50]
    limit = asyncio.Semaphore(12)

    async def one(number: int, claim: str) -> None:
        async with limit:
            house.clock.forward(seconds=1)
            if number % 10 == 9:
                await released(house, "maria" if number % 20 == 9 else "jordi")
            await house.register(claim)

    with listening(listener):
        results = await asyncio.gather(
            *(one(number, claim) for number, claim in enumerate(claims)), return_exceptions=True
        )
    faults = [result for result in results if result is not None]
    assert {type(fault) for fault in faults} <= {Problem, CutOff}
    codes = {fault.code for fault in faults if isinstance(fault, Problem)}
    assert codes <= {"busy", "claim_used", "claim_expired", "device_not_yours"}
    assert any(isinstance(fault, CutOff) for fault in faults)
    assert set(CUTS) <= reached <= set(get_args(Point))
    for _ in range(2):
        house.clock.forward(days=1, minutes=10)
        await repair(database=house.database, journal=house.journal, now=house.clock())
    if await owner(house) is not None:
        await renewed(house)
    await check_history(house)


async def test_each_owner_sees_the_firmware_of_their_own_time(house: House) -> None:
    """A history per period, with what the monitor had when it began."""
    await house.pair("maria")
    house.clock.forward(days=1)
    await house.pair("maria", firmwareVersion="3.3.0", technical={"build": "9"})
    detail = await one_device("maria", DEVICE_ID, database=house.database, now=house.clock())
    assert [seen.version for seen in detail.firmware_history] == ["3.2.1", "3.3.0"]
    assert detail.technical == {"build": "9"}
    house.clock.forward(days=1)
    await house.pair("jordi", firmwareVersion="3.3.0")
    detail = await one_device("jordi", DEVICE_ID, database=house.database, now=house.clock())
    assert [(seen.version, seen.first_seen_at) for seen in detail.firmware_history] == [("3.3.0", house.clock())]
    with pytest.raises(Problem, match="device_not_yours"):
        await one_device("maria", DEVICE_ID, database=house.database, now=house.clock())


@pytest.mark.parametrize(("said", "shown"), [({}, ("ES", "app")), ({"region": "EU"}, ("EU", "monitor"))])
async def test_a_region_says_where_it_came_from(house: House, said: dict[str, str], shown: tuple[str, str]) -> None:
    """The monitor's word counts before the app's, also when the monitor says it later."""
    await house.register(await house.claim("maria", country="ES"), **said)
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    assert (device["region"], device["regionSource"]) == shown
    await house.register(await house.claim("maria", country="PT"), region="EU")
    await house.register(await house.claim("maria", country="PT"))
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    assert (device["region"], device["regionSource"]) == ("EU", "monitor")


async def test_an_invoice_is_the_owners_own(house: House) -> None:
    """The next owner does not see it; it can be taken back; a date that cannot be is refused."""
    await house.pair("maria")
    noted = await note_invoice("maria", DEVICE_ID, date(2026, 1, 2), database=house.database, now=house.clock())
    assert noted.warranty is not None
    assert (noted.warranty.basis, noted.warranty.ends_on) == ("invoice", date(2029, 1, 2))
    for impossible in (date(1999, 12, 31), house.clock().date().replace(year=2100)):
        with pytest.raises(Problem, match="field_out_of_range"):
            await note_invoice("maria", DEVICE_ID, impossible, database=house.database, now=house.clock())
    taken_back = await note_invoice("maria", DEVICE_ID, None, database=house.database, now=house.clock())
    assert taken_back.warranty is not None
    assert taken_back.warranty.basis == "first_connected"
    await note_invoice("maria", DEVICE_ID, date(2026, 1, 2), database=house.database, now=house.clock())
    await house.pair("jordi")
    [of_jordi] = await list_devices("jordi", database=house.database, now=house.clock())
    assert of_jordi.warranty is not None
    assert of_jordi.warranty.basis == "first_connected"
