"""Scrubbing: what is personal or opens a door is taken out of a log before it is stored; the rest stays as it is.

It runs over every line that monitors and apps log, so a kind is only looked for where a sign of it is there, and every
pattern is linear: its repeats are bounded, or possessive and begun at the edge of a run only. When in doubt a thing is
taken out; times, versions, durations, sizes and error codes are not in doubt.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

_EDGE: Final = r"(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))"
"""Not within a word; a written `\\n` before it is no part of it."""

_JSON_TOKEN: Final = re.compile(r"(?:(?<![\w+/-])|(?<=\\[nrt]))eyJ[\w+/-]{17,}+={0,2}(?:\.[\w+/-]*+){0,4}", re.ASCII)
"""A JSON Web Token, or what else is JSON in base64."""

_BEARER: Final = re.compile(r"(?:\b|(?<=\\[nrt]))(bearer|basic)([ \t]{1,8})[\w.~+/=-]{16,}+", re.ASCII | re.IGNORECASE)
_SECRET: Final = re.compile(
    r"(?:(?<![a-z])|(?<=\\[nrt]))(sig|sharedaccesskey|accountkey|api[_-]?key|(?:access|refresh|id)_?token)"
    r"(\"?[ \t]{0,2}[=:][ \t]{0,2}\"?)[\w%+/=.~-]{16,}+",
    re.ASCII | re.IGNORECASE,
)
_E_MAIL: Final = re.compile(
    r"(?:(?<![\w.+'-])|(?<=\\[nrt]))[\w.+'-]++(?:@|%40)(?!\d+\.\d+\.\d+(?!\.?\d))[\w-]++(?:\.[\w-]++)++"
)
"""Not a package with its version."""

_MAC: Final = re.compile(
    r"(?<![0-9A-F])[0-9A-F]{2}(:|-|%3A)(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}(?![0-9A-F]|\1[0-9A-F]{2}(?![0-9A-Z]))",
    re.IGNORECASE,
)
_DOTTED_MAC: Final = re.compile(
    r"(?:(?<![0-9A-Z.])|(?<=\\[nrt]))(?=[0-9.]{0,13}[A-F])[0-9A-F]{4}(?:\.[0-9A-F]{4}){2}(?![0-9A-Z]|\.[0-9A-Z])",
    re.IGNORECASE,
)
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4: Final = re.compile(rf"(?<!\d)(?<!\d\.)(?<!\b[vV])(?:{_OCTET}\.){{3}}{_OCTET}(?!\d|\.\d{{1,3}}(?!\d))", re.ASCII)
_HEX: Final = "[0-9A-Fa-f]{1,4}"
_IPV6: Final = re.compile(
    rf"{_EDGE}(?:(?:{_HEX}:){{7}}{_HEX}|(?:{_HEX}(?::{_HEX}){{0,6}})?::(?:{_HEX}(?::{_HEX}){{0,6}})?)"
    r"(?![0-9A-Za-z]|:[0-9A-Fa-f:])"
)
_PHONE: Final = re.compile(
    r"(?:(?<![\w+])|(?<=\\[nrt]))(?<!\d[.,])(?:"
    # With a country code: a time or a date that comes after a gap is no part of it.
    r"(?:\+|00)34[ .-]?\d(?:[ .-]?\d){8}(?!\d)"
    r"|(?:\+[1-9]\d?(?:(?:[ .-](?!\d\d?:\d|\d{4}-\d))?(?:\(\d{1,4}\)|\d)){6,13}|00[1-9]\d(?:[ .-]?\d){8,11})(?!\d)"
    # Spanish, in the groups that people write.
    r"|(?:[6-9]\d\d([ .-]?)\d{3}\1\d{3}|[6-9]\d\d([ .-])\d\d\2\d\d\2\d\d|[89]\d([ .-])\d{3}\3\d\d\3\d\d)(?!\w|[.,]\d)"
    r")",
    re.ASCII,
)
_MEASURED: Final = re.compile(
    r"(?:time|stamp|up|ts|duration|elapsed|took|after|size|length|len|bytes|mem|memory|heap|free|used|total|rss|count|seq"
    r"|pid|ticks?|cycles|[mun]s|offset|addr|code|error|errno)[\"']?[ \t]{0,2}[=:]?[ \t]{0,2}-?$",
    re.IGNORECASE,
)
"""The end of what stands before a number that is a measure or a code."""

_UNIT: Final = re.compile(r" ?(?:[munµ]?s|secs?|seconds|min|h|[kKMG]?i?[bB]|bytes|ticks|cycles|[kM]?Hz|%)(?!\w)")
_LOOK_BACK: Final = 24


def _email(found: re.Match[str]) -> str:
    r"""An address; the letter of a written `\n` before it is no part of it."""
    is_after_escape = found[0][0] in "nrt" and found.string[found.start() - 1 : found.start()] == "\\"
    return found[0][0] + "[e-mail]" if is_after_escape else "[e-mail]"


def _ipv6(found: re.Match[str]) -> str:
    """An address has a digit; two words with colons between them have none."""
    return "[ip]" if any(character.isdigit() for character in found[0]) else found[0]


def _phone(found: re.Match[str]) -> str:
    """A number, unless it is digits in a row that are a measure: named before, or with a unit behind."""
    text, start = found.string, found.start()
    is_measured = _MEASURED.search(text[max(0, start - _LOOK_BACK) : start]) or _UNIT.match(text, found.end())
    return found[0] if found[0].isdigit() and not found[0].startswith("00") and is_measured else "[phone]"


def _any(*signs: str) -> Callable[[str], bool]:
    return lambda text: any(sign in text for sign in signs)


def _many(number: int, *signs: str) -> Callable[[str], bool]:
    return lambda text: sum(text.count(sign) for sign in signs) >= number


Replacement = str | Callable[[re.Match[str]], str]

_RULES: Final[tuple[tuple[str, Callable[[str], bool], re.Pattern[str], Replacement], ...]] = (
    # Tokens first: parts of them look like anything else. Then what holds an IPv4 address, and it before IPv6.
    ("token", _any("eyj"), _JSON_TOKEN, "[token]"),
    ("token", _any("bearer", "basic"), _BEARER, r"\1\2[token]"),
    ("token", _any("sig", "key", "token"), _SECRET, r"\1\2[token]"),
    ("email", _any("@", "%40"), _E_MAIL, _email),
    ("mac", _many(5, ":", "-", "%3a"), _MAC, "[mac]"),
    ("mac", _many(2, "."), _DOTTED_MAC, "[mac]"),
    ("ip", _many(3, "."), _IPV4, "[ip]"),
    ("ip", _many(2, ":"), _IPV6, _ipv6),
    ("phone", _any(*"0123456789"), _PHONE, _phone),
)
"""Per kind: its sign in the text in small letters, what it looks like, and what stands in its place."""


def scrubbed(text: str) -> tuple[str, Counter[str]]:
    """The text without what is personal or opens a door, and how often each kind of it was taken out."""
    counts: Counter[str] = Counter()
    signs = text.lower()
    for kind, may_be_there, pattern, replacement in _RULES:
        if may_be_there(signs):
            text, number = _replaced(text, pattern, replacement)
            if number:
                counts[kind] += number
    return text, counts


def _replaced(text: str, pattern: re.Pattern[str], replacement: Replacement) -> tuple[str, int]:
    kept = 0

    def written(found: re.Match[str]) -> str:
        nonlocal kept
        new = found.expand(replacement) if isinstance(replacement, str) else replacement(found)
        kept += new == found[0]
        return new

    text, number = pattern.subn(written, text)
    return text, number - kept
