"""Stored records: every container in a module of its own, every kind of item in it, every field."""

from typing import Final

from shared.data_map.containers.claims import CLAIMS
from shared.data_map.containers.counters import COUNTERS
from shared.data_map.containers.devices import DEVICES
from shared.data_map.containers.identities import IDENTITIES
from shared.data_map.containers.jobs import JOBS
from shared.data_map.containers.offers import OFFERS
from shared.data_map.containers.people import PEOPLE
from shared.data_map.containers.quarantine import QUARANTINE
from shared.data_map.containers.statistics import STATISTICS
from shared.data_map.containers.telemetry import TELEMETRY
from shared.data_map.containers.vault import VAULT
from shared.data_map.ledger import LEDGER
from shared.data_map.vocabulary import Container

CONTAINERS: Final[dict[str, Container]] = {
    "people": PEOPLE,
    "identities": IDENTITIES,
    "devices": DEVICES,
    "claims": CLAIMS,
    "counters": COUNTERS,
    "telemetry": TELEMETRY,
    "quarantine": QUARANTINE,
    "offers": OFFERS,
    "statistics": STATISTICS,
    "jobs": JOBS,
    "ledger": LEDGER,
    "vault": VAULT,
}
