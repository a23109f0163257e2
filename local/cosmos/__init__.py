"""Cosmos DB endpoint on SQLite for the official azure-cosmos clients.

It speaks the gateway's HTTP protocol with one physical partition per container. It shows that code and SDK agree;
it does not show how Azure behaves under load, failover or weaker consistency. What it does not support it refuses
with 400 and the name of the construct.
"""

from local.cosmos.faults import Fault
from local.cosmos.holds import BatchHold
from local.cosmos.server import EMULATOR_KEY, CosmosServer
from local.cosmos.store import UnusableSnapshot

__all__ = ["EMULATOR_KEY", "BatchHold", "CosmosServer", "Fault", "UnusableSnapshot"]
