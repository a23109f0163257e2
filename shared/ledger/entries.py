"""The form of entries and heads: what is hashed, how, and what an entry may say."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shared.cosmos import Item, declared
from shared.data_map import ACTIONS, Detail, Undeclared

SERVICE_SUBJECT: Final = "service"
"""The chain of what the service does to nobody's data in particular."""

HEAD: Final = "head"
GENESIS: Final = "0" * 64
"""What the first entry of a chain has for the hash of the one before."""


CHAIN: Final = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
"""Asks one partition for its entries in their order."""


class Broken(Exception):
    """The ledger is not what was written: somebody has changed it."""


class Head(NamedTuple):
    """Where a chain ends: a commitment to all of it, since every hash contains the one before."""

    subject: str
    seq: int
    hash: str


def entry_id(seq: int) -> str:
    """Id of the entry of that number."""
    return f"entry:{seq:012}"


def hash_of(entry: Mapping[str, Any]) -> str:
    """SHA-256 over everything that is stored of an entry but the hash itself, in one written form."""
    hashed = {name: value for name, value in declared(entry).items() if name != "hash"}
    written = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(written.encode()).hexdigest()


def sealed(entry: Mapping[str, Any]) -> Item:
    """The entry with its hash."""
    return {**entry, "hash": hash_of(entry)}


def check_details(action: str, details: Mapping[str, str | int]) -> None:
    """Let details pass that the action declares, in the form that it declares; all of them must be there.

    Raises:
        Undeclared: anything else, which could be personal. The value is not repeated.
    """
    if action not in ACTIONS:
        raise Undeclared(f"The ledger has no action '{action}': declare it in the data map first.")
    forms = ACTIONS[action].details
    if details.keys() != forms.keys():
        raise Undeclared(f"'{action}' declares the details {sorted(forms)} and no others: {sorted(details)}.")
    for name, value in details.items():
        form = forms[name]
        right_type = type(value) is (int if form is Detail.COUNT else str)
        if not right_type or not re.fullmatch(form.value, str(value)):
            raise Undeclared(f"The detail '{name}' of '{action}' is no {form.name}.")
