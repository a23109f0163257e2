"""Disputes: a former owner gets a monitor back, or does not."""

import pytest

from register_device import disputes
from register_device.devices import list_devices
from shared import ledger
from shared.errors import Problem
from shared.injection import Point
from tests.people import House
from tests.register_device.ownership_steps import (
    DEVICE_ID,
    check_history,
    cut,
    decided,
    disputed,
    owner,
    pasts,
    released,
    renewed,
)

pytestmark = pytest.mark.wire


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
