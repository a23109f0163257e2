"""Readings as lines of JSON and of CSV, straight from the columns that they are stored in.

A line is joined from pieces that were written per column, and a column whose texts need no escapes is taken as it is: a
dict per reading, with an encoder for each, cost several times as much.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from json.encoder import encode_basestring
from typing import Any, Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A CSV cell of text that begins so gets an apostrophe before it; JSON Lines hold the value as it is."""

_QUOTED: Final = re.compile(r'[",\r\n]')
_MARKED: Final = re.compile(r'[",\r\t]|^[=+@-]', re.MULTILINE)
"""In a column of texts, one a line: that one of them is not a cell as it is."""

_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]')
_NUMBERS: Final = {int, float}

_JSON: Final[dict[type, Callable[[Any], str]]] = {str: encode_basestring, int: int.__repr__, float: json.dumps}


@dataclass(frozen=True, slots=True)
class Written:
    """Readings of one kind and one month, line by line."""

    month: str
    first: str
    last: str
    lines: Sequence[str]
    table: Sequence[str]


def written(item: Mapping[str, Any], header: Sequence[str], tail: Sequence[str]) -> Iterator[Written]:
    """The readings of a columnar item; `tail` are the fields of the item that every one of them bears."""
    shared = {name: item[name] for name in tail if name in item}
    end = "".join(f", {encode_basestring(name)}: {_json(value)}" for name, value in shared.items()) + "}"
    for kind, columns in item["columns"].items():
        lines = list(_lines(kind, columns, end))
        table = list(_table({"kind": kind, **shared}, columns, header))
        observed = columns["observedAt"]
        if observed:
            yield from _by_month(observed, lines, table)


def _by_month(observed: Sequence[str], lines: Sequence[str], table: Sequence[str]) -> Iterator[Written]:
    """Nearly always a message is of one month."""
    first, last = min(observed), max(observed)
    if first[:7] == last[:7]:
        yield Written(first[:7], first, last, lines, table)
        return
    for month in sorted({moment[:7] for moment in observed}):
        places = [place for place, moment in enumerate(observed) if moment[:7] == month]
        of_month = [observed[place] for place in places]
        yield Written(
            month,
            min(of_month),
            max(of_month),
            [lines[place] for place in places],
            [table[place] for place in places],
        )


def _lines(kind: str, columns: Mapping[str, Sequence[Any]], end: str) -> Iterator[str]:
    """A reading leaves out what it does not say."""
    pieces: list[Iterable[str]] = []
    between = f'{{"kind": {encode_basestring(kind)}'
    for name, column in columns.items():
        key, types = f", {encode_basestring(name)}: ", set(map(type, column))
        if types == {str} and not _ESCAPED.search("".join(column)):
            pieces += [repeat(f'{between}{key}"'), column]
            between = '"'
        elif types <= _NUMBERS:
            pieces += [repeat(between + key), map(repr, column)]
            between = ""
        else:
            pieces += [repeat(between), [key + _json(value) if value is not None else "" for value in column]]
            between = ""
    return map("".join, zip(*pieces, repeat(between + end), strict=False))


def _table(fixed: Mapping[str, Any], columns: Mapping[str, Sequence[Any]], header: Sequence[str]) -> Iterator[str]:
    """What all readings share is written once, between the columns."""
    pieces: list[Iterable[str]] = []
    between = ""
    for place, name in enumerate(header):
        between += "," if place else ""
        if name in columns:
            pieces += [repeat(between), _cells(columns[name])]
            between = ""
        elif name in fixed:
            between += cell(fixed[name])
    return map("".join, zip(*pieces, repeat(between), strict=False))


def _cells(column: Sequence[Any]) -> Iterable[str]:
    types = set(map(type, column))
    if types <= _NUMBERS:
        return map(repr, column)
    if types == {str}:
        joined = "\n".join(column)
        if not _MARKED.search(joined) and joined.count("\n") == len(column) - 1:
            return column
    return [cell(value) for value in column]


def _json(value: Any) -> str:
    return _JSON.get(type(value), _any_json)(value)


def _any_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def cell(value: Any) -> str:
    """A value as a spreadsheet takes it for text: what a monitor logged must not become a formula."""
    if value is None:
        return ""
    text = str(value)
    if not isinstance(value, str):
        return text
    if text.startswith(FORMULA_STARTS):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def json_line(row: Mapping[str, Any]) -> str:
    """Any item as one line."""
    return json.dumps(row, ensure_ascii=False)
