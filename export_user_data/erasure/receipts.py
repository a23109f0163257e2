"""The receipt: what was erased, what is blocked and until when, and when the places outside have let go; signed."""

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from export_user_data.erasure import plan
from export_user_data.erasure.finding import blocked_categories
from shared import clock
from shared.cosmos import Item
from shared.data_map import CATEGORIES, Category
from shared.vault.store import destruction_date

if TYPE_CHECKING:
    from shared.keys import KeySet

FORMAT: Final = "blue-erasure/1"
AUDIENCE: Final = "blue-erasure-receipt"

Claims = dict[str, Any]


def lapses_at(erased_at: str) -> str:
    """When the last place has let go that does so by itself."""
    return clock.text(clock.moment(erased_at) + timedelta(days=plan.longest_lapse_days()))


def claims_of(item: Item, *, is_complete: bool, recipients: list[dict[str, Any]]) -> Claims:
    """The claims of a receipt: random ids, counts, dates and words of ours, and nobody's name."""
    return {
        "aud": AUDIENCE,
        "format": FORMAT,
        "erasureId": item["jobId"],
        "scope": item["scope"],
        **({"category": item["category"]} if "category" in item else {}),
        "requestedAt": item["createdAt"],
        "narrowedAt": item["narrowedAt"],
        "erasedAt": item["erasedAt"],
        "items": item["held"],
        "blocked": [_blocked(category, item["narrowedAt"]) for category in blocked_categories(item["held"])],
        "leftBehind": "random ids in tombstones, in the ledger, and in this receipt",
        "outside": [_outside(place, item["erasedAt"]) for place in plan.outside()],
        "recipients": recipients,
        "told": item.get("told", False),
        "complete": is_complete,
        "completeAt": item["lapsesAt"],
    }


def signed(claims: Claims, keys: "KeySet") -> str:
    """The receipt as a JWS."""
    return keys.sign(claims)


def hash_of(receipt: str) -> str:
    """SHA-256 of a signed receipt, as the ledger keeps it."""
    return hashlib.sha256(receipt.encode()).hexdigest()


def _blocked(category: Category, blocked_at: str) -> dict[str, str]:
    rule = CATEGORIES[category]
    until = destruction_date(rule.blocked_for or timedelta(0), clock.moment(blocked_at))
    return {"category": category.value, "why": rule.blocked_why, "until": until.isoformat()}


def _outside(place: plan.Outside, erased_at: str) -> dict[str, str | None]:
    lapse = timedelta(days=place.lapse_days) if place.lapse_days is not None else None
    return {
        "place": place.place,
        "about": place.about,
        "whatHappens": place.what_happens,
        "lapsesAt": clock.text(clock.moment(erased_at) + lapse) if lapse is not None else None,
    }
