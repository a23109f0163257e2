"""The ledger: what was done to whose data, append-only and hash-chained, without a name of anybody.

Each subject has a chain of its own. A subject is a random name; which person it is lies with the person, so that
destroying that one item makes the whole chain anonymous, and nothing in it has to be changed.
"""

from shared.ledger.entries import CHAIN, SERVICE_SUBJECT, Broken
from shared.ledger.recording import SERVICE, THE_PERSON, Actor, Step, record, record_about, staff, subject_of

__all__ = [
    "CHAIN",
    "SERVICE",
    "SERVICE_SUBJECT",
    "THE_PERSON",
    "Actor",
    "Broken",
    "Step",
    "record",
    "record_about",
    "staff",
    "subject_of",
]
