"""Choices: what a person objects and consents to, and how the gates of their monitors follow.

The choices lie in the person's own gate. So they are found by one point read, a restored database gets them back from
the journal, and they are serialised with a registration: that makes its link behind the same gate and reads the choices
afterwards, so that whoever chooses at the same time either is seen by it or sees its link. An ownership's gate keeps
which epoch of the person's it follows: whoever is late with an older choice changes nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from shared.data_map import Category
from shared.data_map.choices import COLLECTING
from shared.policy import Policy, Window

OWN_CONSENT: Final = "own_consent"
"""Among the objections of a minor: their own consent does not count, their guardian's does."""


def objection(category: Category, device_id: str | None = None) -> str:
    """How a person's policy names an objection: to a category of all their monitors, or of one."""
    return category.value if device_id is None else f"{category.value}:{device_id}"


def country_of(region: str | None) -> str | None:
    """The country of a region, which may be a market."""
    return region.partition("-")[0].upper() if region is not None else None


def needs_consent(category: Category, country: str | None) -> bool:
    """Whether a category is collected in a country only from who consents to it."""
    rule = COLLECTING[category]
    return rule.in_countries.get(country or "", rule.default) == "with_consent"


def is_collected(category: Category, person: Policy, device_id: str, country: str | None) -> bool:
    """Whether the person's choices let a category be collected from one of their monitors."""
    if {objection(category), objection(category, device_id)} & person.objected:
        return False
    return not needs_consent(category, country) or is_consented(COLLECTING[category].purpose, person)


def is_consented(purpose: str, person: Policy) -> bool:
    """Whether a person consents to a purpose: what rests on that is not done otherwise."""
    return purpose in person.consented and not person.tombstone


def founded(person: Policy, link: Mapping[str, Any], *, start: datetime) -> Policy:
    """The first policy of the ownership of a link."""
    return following(Policy(epoch=1, start=start), person, link, now=start)


def following(policy: Policy, person: Policy, link: Mapping[str, Any], *, now: datetime) -> Policy:
    """The policy of a link's ownership as it follows its person's choices: what begins, begins now.

    A window that is not wanted goes, and does not only end: what was observed in it is refused and counted no more.
    """
    if policy.tombstone or policy.follows >= person.epoch:
        return policy
    for category in COLLECTING:
        windows = policy.windows.get(category.value, ())
        if not is_collected(category, person, link["deviceId"], link.get("country")):
            policy = policy.without(category.value)
        elif policy.end is None and all(window.end is not None for window in windows):
            policy = policy.with_window(category.value, Window(max(now, policy.start)))
    return replace(policy, follows=person.epoch)
