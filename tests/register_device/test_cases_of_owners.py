"""Support cases of owners: who may open one, what ends it, and who is told."""

from datetime import timedelta

import pytest

from register_device.contract.support import SupportCase
from register_device.support_cases import close_case, open_case
from shared.errors import Problem
from shared.gate import load_policy
from shared.policy import WINDOWS_KEPT
from tests.people import House
from tests.register_device.ownership_steps import renewed, said

pytestmark = pytest.mark.wire
LINKS = "SELECT * FROM c WHERE c.type = 'link'"


async def test_a_support_case_ends_by_itself(house: House) -> None:
    """After its days performance is refused, although nobody closed it."""
    access = await house.pair("maria")
    await open_case("maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock())
    policy = await load_policy(house.database["telemetry"], access.ownership_id)
    inside, after = house.clock() + timedelta(days=6), house.clock() + timedelta(days=7)
    assert policy.refusal("performance", inside, inside) is None
    assert policy.refusal("performance", after, after) == "category_not_open"


async def test_the_ledger_says_when_a_support_case_was_opened_and_closed(house: House) -> None:
    """Closing it twice is told once."""
    access = await house.pair("maria")
    case = await open_case(
        "maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock()
    )
    for _ in range(2):
        await close_case(
            "maria", access.device_id, case.case_id, database=house.database, journal=house.journal, now=house.clock()
        )
    assert await said(house, "maria") == ["pairing_completed", "support_case_opened", "support_case_closed"]


async def test_closing_one_of_two_cases_keeps_the_other(house: House) -> None:
    """Each case has a window of its own."""
    access = await house.pair("maria")
    first = await open_case(
        "maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock()
    )
    house.clock.forward(hours=1)
    await open_case("maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock())
    await close_case(
        "maria", access.device_id, first.case_id, database=house.database, journal=house.journal, now=house.clock()
    )
    policy = await load_policy(house.database["telemetry"], access.ownership_id)
    assert "performance" in policy.open_at(house.clock())


async def test_closing_a_case_twice_is_harmless(house: House) -> None:
    """The second answer is the first."""
    access = await house.pair("maria")
    case = await open_case(
        "maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock()
    )
    house.clock.forward(hours=1)
    closed = await close_case(
        "maria", access.device_id, case.case_id, database=house.database, journal=house.journal, now=house.clock()
    )
    house.clock.forward(hours=1)
    again = await close_case(
        "maria", access.device_id, case.case_id, database=house.database, journal=house.journal, now=house.clock()
    )
    assert again.closed_at == closed.closed_at


@pytest.mark.parametrize("person", ["jordi", ""])
async def test_nobody_opens_a_case_on_a_device_of_someone_else(house: House, person: str) -> None:
    """The answer is the same as for a device that is not there."""
    access = await house.pair("maria")
    with pytest.raises(Problem, match="device_not_yours"):
        await open_case(person, access.device_id, 7, database=house.database, journal=house.journal, now=house.clock())
    with pytest.raises(Problem, match="device_not_yours"):
        await open_case("maria", "0" * 32, 7, database=house.database, journal=house.journal, now=house.clock())


async def test_the_owner_is_told_that_a_support_case_was_opened_and_closed(house: House) -> None:
    """Once each, however often it is closed."""
    access = await house.pair("maria")
    house.clock.forward(hours=1)
    case = await open_case(
        "maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock()
    )
    for _ in range(2):
        house.clock.forward(hours=1)
        await close_case(
            "maria", access.device_id, case.case_id, database=house.database, journal=house.journal, now=house.clock()
        )
    assert (await house.told("maria"))[1:] == [
        ("support_case_opened", case.case_id),
        ("support_case_closed", case.case_id),
    ]


async def test_nothing_is_collected_before_the_owner_was_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that could not be told opens nothing."""
    access = await house.pair("maria")

    async def away(*_: object, **__: object) -> str:
        raise ConnectionError

    monkeypatch.setattr("register_device.support_cases.notify", away)
    with pytest.raises(ConnectionError):
        await open_case("maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock())
    policy = await load_policy(house.database["telemetry"], access.ownership_id)
    assert policy.open_at(house.clock()) == ["usage"]


async def opened(house: House, device_id: str, days: int) -> SupportCase:
    return await open_case("maria", device_id, days, database=house.database, journal=house.journal, now=house.clock())


async def test_no_case_is_ended_by_another(house: House) -> None:
    """As many as a policy holds may be open at once; a further one is refused before anything is stored or told."""
    access = await house.pair("maria")
    for _ in range(WINDOWS_KEPT):
        house.clock.forward(minutes=1)
        await opened(house, access.device_id, 1)
    told = await house.told("maria")
    with pytest.raises(Problem, match="support_cases_too_many"):
        await opened(house, access.device_id, 30)
    assert await house.told("maria") == told
    house.clock.forward(days=1)
    await opened(house, access.device_id, 30)
    for _ in range(WINDOWS_KEPT - 1):
        house.clock.forward(minutes=1)
        await opened(house, access.device_id, 1)
    house.clock.forward(days=2)
    assert (await renewed(house)).categories == ["usage", "performance"]


async def test_a_case_of_the_former_owner_is_not_the_new_ones(house: House) -> None:
    """Nobody closes it any more: it ended with the ownership."""
    access = await house.pair("maria")
    case = await opened(house, access.device_id, 7)
    house.clock.forward(days=1)
    await house.pair("jordi")
    for person, code in (("jordi", "support_case_unknown"), ("maria", "device_not_yours")):
        with pytest.raises(Problem, match=code):
            await close_case(
                person,
                access.device_id,
                case.case_id,
                database=house.database,
                journal=house.journal,
                now=house.clock(),
            )
