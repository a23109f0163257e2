"""What documents say beside the data map: English as it is written in code and templates, Spanish by a catalogue."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

from export_user_data.erasure.plan import becomes
from shared.data_map import CATEGORIES, Category, Record, blocking
from shared.templates import Language
from shared.wording import Untranslated, said

FOLDER: Final = Path(__file__).parent

Say = Callable[[str], str]

_DAYS_OF_A_YEAR: Final = 365
_MINUTES_OF_AN_HOUR: Final = 60


@cache
def catalogue(language: Language) -> dict[str, str]:
    """What each phrase is in another language; it is read once."""
    return dict(json.loads((FOLDER / f"words.{language.value}.json").read_text(encoding="utf-8")))


def words(language: Language) -> Say:
    """What gives a phrase, or a text of the data map, in a language.

    It raises Untranslated for one that has no words there.
    """

    def say(phrase: str) -> str:
        if language is Language.ENGLISH:
            return phrase
        if phrase in catalogue(language):
            return catalogue(language)[phrase]
        try:
            return said(phrase, language)
        except Untranslated as missing:
            raise Untranslated(f"words.{language.value}.json lacks: {phrase}") from missing

    return say


def period(length: timedelta, say: Say) -> str:
    """A length of time as people say it."""
    days, minutes = length.days, length.seconds // 60
    if days >= _DAYS_OF_A_YEAR and days % _DAYS_OF_A_YEAR == 0:
        years = days // _DAYS_OF_A_YEAR
        return say("1 year") if years == 1 else say("{number} years").format(number=years)
    if days:
        return say("1 day") if days == 1 else say("{number} days").format(number=days)
    if minutes >= _MINUTES_OF_AN_HOUR and minutes % _MINUTES_OF_AN_HOUR == 0:
        hours = minutes // _MINUTES_OF_AN_HOUR
        return say("1 hour") if hours == 1 else say("{number} hours").format(number=hours)
    return say("{number} minutes").format(number=minutes)


def kept(record: Record, say: Say) -> str:
    """How long items of a record are kept."""
    if record.retention is not None:
        return period(record.retention, say)
    if record.erasure == "keep_random_ids":
        return say("for good, as random ids; once the account is erased nothing ties them to anybody")
    if record.erasure == "names_nobody":
        return say("for good; it names nobody")
    return say("until the account or the device is erased")


def afterwards(record: Record, say: Say) -> str:
    """What becomes of items of a record when their time is over, and when they are erased where that is otherwise."""
    if record.retention is None and record.erasure != "purge":
        return say("nothing: it stays")
    note = f" ({say(record.expiry_note)})" if record.expiry_note else ""
    over = _end(record, say, blocks=blocking(record) is not None) + note
    if record.erasure != "purge" or (becomes(record) == "block") == (blocking(record) is not None):
        return over
    erased = _end(record, say, blocks=becomes(record) == "block")
    if record.retention is None:
        return erased
    return say("when its time is over: {over}; when it is erased before: {erased}").format(over=over, erased=erased)


def _end(record: Record, say: Say, *, blocks: bool) -> str:
    rule = CATEGORIES[record.category]
    if not blocks or rule.blocked_for is None:
        return say("destroyed")
    length = period(rule.blocked_for, say)
    return say("blocked for {period}, then destroyed").format(period=length) + f": {say(rule.blocked_why)}"


def title(category: Category, say: Say) -> str:
    """What a category is called."""
    return say(_TITLES[category])


_TITLES: Final[dict[Category, str]] = {
    Category.PERSON: "You and your account",
    Category.INTERACTIONS: "What you told us",
    Category.DEVICE: "Your monitor",
    Category.USAGE: "How the monitor is used",
    Category.APP: "The mobile application",
    Category.PERFORMANCE: "How the monitor performs",
    Category.SERVICE: "Running the service",
}
