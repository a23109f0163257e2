"""On the first day of its month everything of it is destroyed, by destroying one key."""

from collections import Counter
from datetime import UTC, datetime, time
from typing import Any

import pytest

from export_user_data.vault.destruction import RUN_LIMIT, destroy_due
from shared.blobs import VAULT, VAULT_KEYS
from shared.cosmos import Delete, declared
from shared.injection import Point
from shared.ledger import SERVICE_SUBJECT
from shared.vault.store import CASE_ITEM
from tests.export_user_data.vault.conftest import EMAIL, Desk
from tests.export_user_data.vault.test_openings import refused
from tests.vaults import killed_at

pytestmark = pytest.mark.wire

POINTS: list[Point] = [
    "vault.month_begun",
    "vault.key_destroyed",
    "vault.bodies_destroyed",
    "vault.case_destroyed",
    "vault.cases_destroyed",
    "vault.month_recorded",
]


async def destroy(desk: Desk) -> Counter[str]:
    return await destroy_due(vault=desk.vault, now=desk.clock)


async def left(desk: Desk) -> tuple[list[Any], list[str]]:
    items = [declared(item) async for item in desk.vault.cases.query("SELECT * FROM c")]
    names = [name for place in (VAULT, VAULT_KEYS) async for name in desk.vault.blobs.names(place, "")]
    return items, names


async def to_its_day(desk: Desk, case_id: str) -> None:
    [case] = await desk.find(caseId=case_id)
    desk.clock.now = datetime.combine(case.destroyed_on, time(), UTC)


async def told(desk: Desk) -> list[str]:
    return [action for action, _ in await desk.chain(SERVICE_SUBJECT) if action != "vault_searched"]


async def test_nothing_is_destroyed_before_its_day(desk: Desk) -> None:
    """Not a second."""
    case_id = await desk.block("3.2.1")
    await to_its_day(desk, case_id)
    desk.clock.forward(seconds=-1)
    before = await left(desk)
    assert await destroy(desk) == Counter()
    assert await left(desk) == before
    assert await told(desk) == []


async def test_on_its_day_nothing_is_left(desk: Desk) -> None:
    """Neither key nor body, case, look-up or opening; and the next month stays as it is."""
    case_id = await desk.block("3.2.1", "4.0.0")
    await desk.opened(case_id)
    desk.clock.forward(days=40)
    later = await desk.block("5.0.0")
    await to_its_day(desk, case_id)
    assert await destroy(desk) == Counter({"keys of months": 1, "bodies": 2, "cases": 1})
    items, names = await left(desk)
    assert {item.get("found", item["caseId"]) for item in items if item["type"] != "vaultMonth"} == {later}
    assert len([item for item in items if item["type"] == "vaultMonth"]) == 1
    assert all("5.0.0" in name or len(name) == len("2029-12") for name in names)
    assert [case.case_id for case in await desk.find(email=EMAIL)] == [later]
    assert await told(desk) == ["vault_destruction_begun", "vault_destroyed"]
    assert await destroy(desk) == Counter()


@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_the_next_run_ends_it(desk: Desk, point: Point) -> None:
    """Nothing is left, and the ledger tells it once."""
    case_id = await desk.block("3.2.1")
    await desk.opened(case_id)
    await to_its_day(desk, case_id)
    assert await killed_at(point, lambda: destroy(desk))
    desk.clock.forward(hours=1)
    await destroy(desk)
    assert await left(desk) == ([], [])
    assert await told(desk) == ["vault_destruction_begun", "vault_destroyed"]


async def test_a_restored_copy_of_everything_else_cannot_be_read(desk: Desk) -> None:
    """Body, case and opening come back from a backup, and the key of the month does not; and they go again."""
    case_id = await desk.block("3.2.1")
    await to_its_day(desk, case_id)
    desk.clock.forward(minutes=-10)
    opening_id = await desk.opened(case_id)
    assert await desk.read(case_id, opening_id)
    items, names = await left(desk)
    bodies = {name: await desk.vault.blobs.read(VAULT, name) for name in names if "/" in name}
    desk.clock.forward(minutes=10)
    await destroy(desk)
    for item in items:
        await desk.vault.cases.create(item)
    for name, body in bodies.items():
        assert body is not None
        await desk.vault.blobs.write(VAULT, name, body)
    desk.clock.forward(minutes=-10)  # even to a clock that is wrong
    assert await desk.vault.cases.read(case_id, CASE_ITEM) is not None
    assert await refused(desk.read(case_id, opening_id)) == "vault_case_unknown"
    desk.clock.forward(minutes=10)
    await destroy(desk)
    assert await left(desk) == ([], [])


async def test_keys_and_bodies_that_no_database_knows_go_as_well(desk: Desk) -> None:
    """A database that was restored to before the blocking has neither month nor case."""
    case_id = await desk.block("3.2.1")
    await to_its_day(desk, case_id)
    items, _ = await left(desk)
    for item in items:
        found = await desk.vault.cases.read(item["caseId"], item["id"])
        assert found is not None
        await desk.vault.cases.batch(item["caseId"], [Delete(item["id"])])
    await destroy(desk)
    assert await left(desk) == ([], [])


async def test_a_run_ends_in_time_and_the_next_goes_on(desk: Desk) -> None:
    """However much is to be deleted, the key goes first."""
    case_id = await desk.block("3.2.1", "4.0.0")
    await to_its_day(desk, case_id)
    times = iter([desk.clock.now] * 5)

    def slow() -> datetime:
        return next(times, desk.clock.now + RUN_LIMIT)

    await destroy_due(vault=desk.vault, now=slow)
    _, names = await left(desk)
    assert names
    assert all("/" in name for name in names)
    await destroy(desk)
    assert await left(desk) == ([], [])
    assert await told(desk) == ["vault_destruction_begun", "vault_destroyed"]
