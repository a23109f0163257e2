"""What people choose: which category is collected unless somebody objects, which only with consent, and what for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from shared.data_map.vocabulary import Category

Default = Literal["always", "with_consent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose that a person consents to, or not, by itself."""

    category: Category
    permits: str
    versions: tuple[str, ...]
    """Of the text that is agreed to, the present one last; each lies as a file per language, and never changes."""


PURPOSES: Final[dict[str, Purpose]] = {
    "usage_statistics": Purpose(
        category=Category.USAGE,
        permits="Where the law asks for consent to it: collecting how a monitor is used, for statistics.",
        versions=("1",),
    ),
    "interactions": Purpose(
        category=Category.INTERACTIONS,
        permits="Keeping what was given through the website, to sales or to technicians where no contract needs it.",
        versions=("1",),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collecting:
    """How a category is collected from a monitor that is registered, without anybody asking for it each time."""

    default: Default
    in_countries: Mapping[str, Default] = field(default_factory=dict)
    """Where it is otherwise, by ISO 3166-1."""
    purpose: str
    """The consent that it rests on where it needs one."""
    after_objection: Literal["not_collected"]
    """What an objection brings: it is not collected any more at all, and what is stored is counted nowhere."""


COLLECTING: Final[dict[Category, Collecting]] = {
    Category.USAGE: Collecting(
        default="always",
        in_countries={
            "DE": "with_consent",  # reading from a device at home, for what the service does not need (TDDDG 25)
        },
        purpose="usage_statistics",
        after_objection="not_collected",
    ),
}
"""Who is responsible for a country may change its default here: registrations follow it, and every later choice."""
