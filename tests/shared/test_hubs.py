"""What a caller is told when the hub does not take an event."""

import pytest

from shared.errors import Problem
from shared.hubs import Hubs

pytestmark = pytest.mark.wire

NOBODY_LISTENS = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=name;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;"


async def test_a_hub_that_cannot_be_reached_says_when_to_come_back() -> None:
    """The caller keeps what it wanted to send."""
    hubs = Hubs.open(connection=NOBODY_LISTENS, namespace=None, credential=None)
    with pytest.raises(Problem, match="hub_unavailable") as away:
        await hubs.telemetry.send(b"{}", key="an ownership")
    await hubs.close()
    assert away.value.retry_after_s is not None
