"""The rights of the people whose data it is, and how each is exercised here; texts are shown to residents."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One right: its article, what it is, how to use it in the app, and by which operations."""

    article: str
    what: str
    how: str
    operations: tuple[str, ...]


REQUEST: Final = ("POST /api/me/requests", "GET /api/me/requests")
"""By these every right can be used that the person would rather have staff carry out, in their own words."""

RIGHTS: Final[dict[str, Right]] = {
    "access": Right(
        article="GDPR 15",
        what="Know whether and what is held about you, and have a copy.",
        how="In the app you see at any time what is held, by category, and ask for a copy of everything; it is made "
        "within minutes and stays ready for seven days.",
        operations=(
            "GET /api/me/data",
            "GET /api/me/data/{category}",
            "POST /api/me/exports",
            "GET /api/me/devices/{deviceId}/telemetry",
            "GET /api/me/recipients",
            *REQUEST,
        ),
    ),
    "portability": Right(
        article="GDPR 20",
        what="Take away what you gave and what was observed, in a format that programs read.",
        how="The copy holds JSON Lines and CSV files with their schemas, signed so that anybody can verify it. On your "
        "word it is sent straight to another service that you name.",
        operations=("POST /api/me/exports", "POST /api/me/exports/{exportId}/transfers", *REQUEST),
    ),
    "rectification": Right(
        article="GDPR 16",
        what="Have wrong data corrected.",
        how="In the app you correct your address, the region of a monitor and what you told us, and say of a reading "
        "that it is not right.",
        operations=(
            "POST /api/me/rectifications",
            "POST /api/me/interactions/{interactionId}/rectify",
            "POST /api/me/devices/{deviceId}/annotations",
            *REQUEST,
        ),
    ),
    "erasure": Right(
        article="GDPR 17",
        what="Have data erased.",
        how="In the app you erase everything, one device or one category. You see beforehand what is destroyed and "
        "what is blocked, and get a signed receipt.",
        operations=("POST /api/me/erasures", "POST /api/me/erasures/confirm", "POST /api/erasures/receipt", *REQUEST),
    ),
    "restriction": Right(
        article="GDPR 18",
        what="Have data kept and used for nothing, while something is being settled.",
        how="In the app you restrict everything, one device or one category, and lift it again.",
        operations=("POST /api/me/restrictions", "POST /api/me/restrictions/{restrictionId}/lift", *REQUEST),
    ),
    "objection": Right(
        article="GDPR 21",
        what="Object to the statistical use of data.",
        how="In the app, for all monitors or one, without a reason; use is not collected any more from then on.",
        operations=("POST /api/me/objections", "POST /api/me/objections/withdraw", *REQUEST),
    ),
    "withdrawal": Right(
        article="GDPR 7(3)",
        what="Withdraw a consent.",
        how="In the app by the same single step as giving it. What was done before stays lawful.",
        operations=("GET /api/me/consents", "POST /api/me/consents/{purpose}", *REQUEST),
    ),
    "product_data": Right(
        article="Data Act 4",
        what="Have the data of your monitor at once, free, continuously and in real time.",
        how="As a live stream and the last-known state; the data sheet of each model says what there is.",
        operations=("GET /api/me/devices/{deviceId}/telemetry", "GET /api/me/devices/{deviceId}/state"),
    ),
}
