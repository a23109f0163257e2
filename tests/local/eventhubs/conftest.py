from collections.abc import AsyncIterator

import pytest

from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer


@pytest.fixture
async def server() -> AsyncIterator[EventHubsServer]:
    """An endpoint in memory with one hub of four partitions and two consumer groups."""
    async with EventHubsServer([HubDefinition("telemetry", 4, ("$Default", "other"))]) as running:
        yield running
