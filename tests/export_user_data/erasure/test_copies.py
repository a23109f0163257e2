"""An erasure and a copy that is being made."""

import pytest

from shared.cosmos import declared
from shared.gate import Erased
from tests.export_user_data.copies import Copies
from tests.export_user_data.erasure.household import Household

pytestmark = pytest.mark.wire


@pytest.fixture
def copies(household: Household) -> Copies:
    tools = household.tools
    return Copies(tools.database, tools.blobs, tools.keys, household.hosts.clock)


async def test_an_erasure_waits_for_a_copy_that_is_being_made(household: Household, copies: Copies) -> None:
    """The copy comes first; then it goes with its person."""
    maria = await household.live("maria", "VEO-000001")
    export_id = await copies.asked(maria.person_id)
    await copies.run_one(export_id)
    erasure_id = (await household.asked(maria, scope="person")).erasure_id
    await household.run(erasure_id)
    assert (await household.job(erasure_id))["waitsFor"] == "access_request"
    assert await copies.run(export_id) == "done"
    household.hosts.clock.forward(hours=1)
    await household.until_erased(erasure_id)
    assert await copies.left(export_id) == []


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_copy_that_began_under_an_erasure_leaves_nothing(
    household: Household, copies: Copies, steps: int
) -> None:
    """Neither what it noted nor what it staged, which nobody sees; and the worker has nothing to do any more."""
    maria = await household.live("maria", "VEO-000001")
    erasure_id = (await household.asked(maria, scope="person")).erasure_id
    export_id = await copies.asked(maria.person_id)
    for _ in range(steps):
        await copies.run_one(export_id)
    assert await copies.left(export_id) != []
    await set_state(copies, export_id, "parked")  # so that the erasure does not see it when it asks what goes before
    await household.run_one(erasure_id)
    await set_state(copies, export_id, "running")
    await household.until_erased(erasure_id)
    assert await copies.left(export_id) == []
    assert await copies.run(export_id) == "nothing to do"
    with pytest.raises(Erased):
        await copies.asked(maria.person_id)


async def set_state(copies: Copies, export_id: str, state: str) -> None:
    stored = await copies.job(export_id)
    await copies.database["jobs"].replace(declared(stored) | {"state": state}, stored["_etag"])


async def test_a_step_after_the_purge_takes_its_blobs_along(household: Household, copies: Copies) -> None:
    """A worker that was slow puts nothing back: it finds the gate closed, and its job gone."""
    maria = await household.live("maria", "VEO-000001")
    export_id = await copies.asked(maria.person_id)
    job = await copies.job(export_id)
    await copies.run_one(export_id)
    await set_state(copies, export_id, "parked")
    await household.erased(maria, scope="person")
    await copies.database["jobs"].create(declared(job) | {"state": "running"})  # as if it had outlived the purge
    await copies.run(export_id)
    assert await copies.left(export_id) == []
