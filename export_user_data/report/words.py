"""The page's own words, numbers and dates in its reader's language; what the data map says is in `shared.wording`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from export_user_data.report.series import Grain
from shared import clock
from shared.templates import Language
from shared.wording import said

TEXTS: Final = Path(__file__).with_name("texts")

_MONTHS: Final = {
    Language.ENGLISH: (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    Language.SPANISH: (
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ),
}
_DATE_LENGTH: Final = len("2026-11-22")

_DAY_FORM: Final = {Language.ENGLISH: "{day} {month} {year}", Language.SPANISH: "{day} de {month} de {year}"}
_SIGNS: Final = {Language.ENGLISH: ",.\N{MINUS SIGN}", Language.SPANISH: ".,\N{MINUS SIGN}"}
"""Between thousands, before decimals, and before what is below zero."""
_GROUPED_FROM: Final = {Language.ENGLISH: 1_000, Language.SPANISH: 10_000}
"""From which number on thousands are set apart."""

_SHORT: Final = 3
_KB: Final = 1_000
_YEAR: Final = timedelta(days=365)


@cache
def _table(name: str) -> dict[str, Any]:
    return dict(json.loads((TEXTS / name).read_text(encoding="utf-8")))


class Words:
    """What is written how in one language."""

    def __init__(self, language: Language) -> None:
        """Of this language."""
        self.language = language
        self._texts = {} if language is Language.ENGLISH else _table(f"{language.value}.json")
        self._month = _MONTHS[language]

    def text(self, english: str) -> str:
        """A text of the page."""
        return str(self._texts.get(english, english))

    def plural(self, one: str, many: str, number: float) -> str:
        """A text that depends on a number, which it names `%(num)s`."""
        forms = self._texts.get(one, (one, many))
        return str(forms[number != 1])

    def counted(self, one: str, many: str, number: float) -> str:
        """The same, with the number in it."""
        return self.plural(one, many, number) % {"num": self.number(number)}

    def data_map(self, english: str) -> str:
        """A text of the data map."""
        return said(english, self.language)

    def article(self, reference: str) -> str:
        """An article of a law, by the name that the law has."""
        for law in ("GDPR", "Data Act"):
            reference = reference.replace(law, self.text(law))
        return reference

    def word(self, value: str) -> str:
        """A word of a closed list, as people say it."""
        return self.text(_table("words.json").get(value, value.replace("_", " ")))

    def number(self, value: float, decimals: int = 0) -> str:
        """With the language's signs."""
        grouping = "," if abs(value) >= _GROUPED_FROM[self.language] else ""
        written = f"{value:{grouping}.{decimals}f}"
        return written.translate(str.maketrans(",.-", _SIGNS[self.language]))

    def day(self, moment: datetime | str) -> str:
        """The day of a time, in UTC; or a day that is stored as such."""
        if isinstance(moment, str):
            moment = clock.moment(f"{moment}T00:00:00Z" if len(moment) == _DATE_LENGTH else moment)
        at = moment.astimezone(UTC)
        return _DAY_FORM[self.language].format(day=at.day, month=self._month[at.month - 1], year=at.year)

    def between(self, first: datetime | str, last: datetime | str) -> str:
        """From one day to another."""
        return self.text("%(first)s to %(last)s") % {"first": self.day(first), "last": self.day(last)}

    def time(self, moment: datetime | str) -> str:
        """Day and time, in UTC."""
        at = (clock.moment(moment) if isinstance(moment, str) else moment).astimezone(UTC)
        return f"{self.day(at)}, {at:%H:%M} UTC"

    def bucket(self, start: str, grain: Grain) -> str:
        """A bucket of a plot, in full."""
        day = f"{start}T00:00:00Z"
        year, month = start[:4], self._month[int(start[5:7]) - 1]
        forms: dict[Grain, Callable[[], str]] = {
            "day": lambda: self.day(day),
            "week": lambda: self.text("week of %s") % self.day(day),
            "month": lambda: f"{month} {year}",
            "year": lambda: year,
        }
        return forms[grain]()

    def tick(self, start: str, grain: Grain) -> str:
        """A bucket of a plot, as short as its axis needs."""
        month = self._month[int(start[5:7]) - 1][:_SHORT]
        if grain == "year":
            return start[:4]
        return f"{month} {start[:4]}" if grain == "month" else f"{int(start[8:10])} {month}"

    def period(self, period: timedelta) -> str:
        """How long something is kept."""
        if not period.days:
            return self.counted("%(num)s minute", "%(num)s minutes", period.total_seconds() // 60)
        days = self.counted("%(num)s day", "%(num)s days", period.days)
        if period % _YEAR:
            return days
        return f"{self.counted('%(num)s year', '%(num)s years', period // _YEAR)} ({days})"

    def size(self, number: int) -> str:
        """A size in the unit that fits."""
        for unit, decimals, of in (("GB", 1, _KB**3), ("MB", 1, _KB**2), ("kB", 0, _KB)):
            if number >= of:
                return f"{self.number(number / of, decimals)} {unit}"
        return f"{self.number(number)} B"
