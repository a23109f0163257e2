"""Fields that several containers have."""

from datetime import timedelta
from typing import Final

from shared.data_map.vocabulary import Field

YEAR: Final = timedelta(days=365)

GATE_FIELDS: Final[dict[str, Field]] = {
    "epoch": Field(about="Number of the policy; every change raises it."),
    "start": Field(about="Begin of the period.", unit="UTC"),
    "end": Field(about="End of the period.", unit="UTC"),
    "windows": Field(about="Per category the times during which it is collected.", unit="UTC"),
    "erasedThrough": Field(about="Per category until when what was received was erased.", unit="UTC"),
    "storeOnly": Field(about="What is stored and used for nothing, while that is asked for: categories or scopes."),
    "held": Field(about="What is under a legal hold, and so is not destroyed.", exported=False),
    "enrolmentGroup": Field(about="The group that the monitor was moved to: only its key renews a token."),
    "tombstone": Field(about="Whether it was erased."),
    "changedAt": Field(about="When the present policy began.", unit="UTC"),
    "follows": Field(about="Number of the person's own policy whose choices this one follows."),
}

EXPIRES: Final = Field(about="When the item is destroyed.", unit="UTC")

KEPT_BY: Final = Field(
    about="While it does not expire, why: a restriction of processing or a legal hold.", exported=False
)
