"""The controls from another process, as a `LocalCloud` has them."""

from pathlib import Path

import pytest
from azure.cosmos.aio import ContainerProxy

from local.cosmos import CosmosServer, Fault
from local.cosmos.remote import Refused, RemoteCosmos
from tests.local.cosmos.conftest import items

pytestmark = pytest.mark.wire


async def test_all_controls_work_from_elsewhere(
    server: CosmosServer, container: ContainerProxy, tmp_path: Path
) -> None:
    """Faults, snapshots, the clock and the totals; what is refused says why."""
    remote = RemoteCosmos(server.endpoint)
    await remote.snapshot(tmp_path / "then")
    await remote.inject(Fault(status=429, retry_after_ms=1, times=1))
    await container.create_item({"id": "a", "pk": "p"})
    assert [fault["met"] for fault in await remote.faults()] == [1]
    await remote.reset_faults()
    assert await remote.faults() == []
    assert (await remote.usage())["containers"]["db/c1"]["operations"]["create"]["failed"] == 1
    await remote.forward(60)
    assert server.clock.ahead_seconds == 60
    await remote.restore(tmp_path / "then")
    assert await items(container.read_all_items()) == []
    with pytest.raises(Refused, match="exists already"):
        await remote.snapshot(tmp_path / "then")
