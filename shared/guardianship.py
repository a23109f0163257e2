"""Guardianship: what a minor's item says of their age and of who acts for them."""

from datetime import date, datetime
from typing import Final

from shared.cosmos import Item

AGE: Final = "age"
"""Id of the item in the minor's partition; it is the truth about the guardianship."""


def item_id(guardianship_id: str) -> str:
    """Id of the guardian's invitation."""
    return f"guardianship:{guardianship_id}"


def ward_id(guardianship_id: str) -> str:
    """Id of the item in the guardian's partition."""
    return f"ward:{guardianship_id}"


def is_minor(age: Item | None, now: datetime) -> bool:
    """Whether somebody acts below 14: they said so, and the day from which they are 14 is not known or not come."""
    return age is not None and ("actsFrom" not in age or now.date() < date.fromisoformat(age["actsFrom"]))


def is_asked(age: Item, guardianship_id: str) -> bool:
    """Whether a guardian is asked for this guardianship and has not answered."""
    return bool(age["state"] == "asked" and age["guardianshipId"] == guardianship_id)


def is_guardian(age: Item | None, person_id: str, guardianship_id: str) -> bool:
    """Whether a person is the guardian, by this guardianship."""
    if age is None or age["state"] != "accepted":
        return False
    return bool(age["guardianshipId"] == guardianship_id and age["guardianPersonId"] == person_id)
