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
_IS: Final = r"(?:\\?\")?[ \t]{0,2}[=:][ \t]{0,2}"
"""Between a name and its value, up to the quote that the value may have."""

_NO_DATE: Final = r"(?!\d{4}-\d\d-\d\d)"
_SECRET: Final = re.compile(
    r"((?:(?:(?<![a-z])|(?<=\\[nrt]))(?:sig|sharedaccesskey|accountkey|api[_-]?key)|functions[_-]?key|token|secret)"
    rf"{_IS}(?:\\?\")?){_NO_DATE}(?:[\w%+/=.~-]|:(?=\w)){{16,}}+",
    re.ASCII | re.IGNORECASE,
)
_SESSION: Final = re.compile(
    rf"(session(?:[_-]?(?:id|key))?{_IS}(?:\\?\")?){_NO_DATE}(?=[a-z_%+/=.~-]{{0,64}}\d)[\w%+/=.~-]{{8,}}+",
    re.ASCII | re.IGNORECASE,
)
_PUSH_TOKEN: Final = re.compile(r"(?:(?<![\w\\-])|(?<=\\[nrt]))[\w-]++:APA91[\w-]{8,}+", re.ASCII)
_SAID: Final = r"(?:(\\?\")[^\"\\]++|(?:[^\s\"'`,;:&()<>\[\]{}\\]|:(?=[^\s\"\\])){1,128}+)"
"""A value that people chose: all of it between quotes, or else a word."""

_PASSWORD: Final = re.compile(rf"((?:passw(?:or)?d|passphrase|pwd|psk){_IS}){_SAID}", re.ASCII | re.IGNORECASE)
_NETWORK: Final = re.compile(rf"((?<!b)ssid{_IS}){_SAID}", re.ASCII | re.IGNORECASE)
_GAP: Final = r"(?:\\?\")?[ \t]{0,2}[=:]?[ \t]{0,2}(?:\\?\")?"
_HYPHENATED: Final = r"[0-9a-z]{4}-[0-9a-z]{4}(?![\w-])"
_WHOLE: Final = r"(?!0x)(?:(?=[a-z]{0,7}\d)|(?<=[=:\"]))[0-9a-z]{8}(?![\w-])"
_TYPED_CODE: Final = re.compile(
    rf"((?:claim|pairing)(?:[ _-]?code)?{_GAP}(?={_HYPHENATED}|{_WHOLE})"
    rf"|code{_GAP}(?={_HYPHENATED}))[0-9a-z-]{{8,9}}",
    re.ASCII | re.IGNORECASE,
)
"""After its name; a word of eight letters is one only right behind a sign."""

_NAMED_MAC: Final = re.compile(
    rf"(mac(?:[_-]?addr(?:ess)?)?{_IS}(?:\\?\")?)[0-9a-f]{{12}}(?![0-9a-z])", re.ASCII | re.IGNORECASE
)
_COORDINATE: Final = re.compile(
    r"([lL](?:(?<![A-Za-z].)|(?<=\\[nrt].)|(?<=[a-z]L))(?i:at(?:itude)?|ng|on(?:g(?:itude)?)?)"
    rf"{_IS}(?:\\?\")?)[+-]?\d{{1,3}}\.\d{{2,}}+(?!\w)",
    re.ASCII,
)
_E_MAIL: Final = re.compile(
    r"(?:(?<![\w.+'-])|(?<=\\[nrt]))[\w.+'-]++(?:@|%40)(?!\d+\.\d+\.\d+(?!\.?\d))[\w-]++(?:\.[\w-]++)++"
)
"""Not a package with its version."""

# These begin with a set of characters, which the engine looks for faster than for an edge; that is looked back for.
_H: Final = "[0-9A-Fa-f]"
_CLAIM: Final = re.compile(rf"{_H}(?:(?<![0-9A-Za-z].)|(?<=\\[nrt].)){_H}{{31}}\.[\w-]{{32}}(?![\w-])", re.ASCII)
"""What the QR code of a pairing holds."""

_IDENTITY: Final = re.compile(
    r"[0-9XYZ](?:(?<![\w.].)|(?<=\\[nrt].))(?:(?<=\d)\d{7}|(?<=[XYZ])-?\d{7})-?[A-Z](?![0-9A-Za-z_])", re.ASCII
)
_IBAN: Final = re.compile(
    r"[A-Z](?=[A-Z]\d\d)(?:(?<![0-9A-Za-z].)|(?<=\\[nrt].))(?:(?<=E)S\d\d(?:[ -]?\d{4}){5}(?!\w)"
    r"|[A-Z]\d\d(?:[0-9A-Z]{11,30}|(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?)(?![0-9A-Za-z]))",
    re.ASCII,
)
_MAC: Final = re.compile(
    rf"{_H}(?<!{_H}{{2}}){_H}(:|-|%3A|%3a)(?:{_H}{{2}}\1){{4}}{_H}{{2}}(?!{_H}|\1{_H}{{2}}(?![0-9A-Za-z]))"
)
_DOTTED_MAC: Final = re.compile(
    rf"{_H}(?:(?<![0-9A-Za-z.].)|(?<=\\[nrt].)){_H}{{3}}(?:\.{_H}{{4}}){{2}}(?![0-9A-Za-z]|\.[0-9A-Za-z])"
)
_IPV4: Final = re.compile(r"\d(?<!\d\d)(?<!\d\.\d)(?<!\b[vV]\d)\d{0,2}(?:\.\d{1,3}){3}(?!\d|\.\d{1,3}(?!\d))", re.ASCII)
_HEX: Final = "[0-9A-Fa-f]{1,4}"
_IPV6: Final = re.compile(
    rf"{_EDGE}(?:(?:{_HEX}:){{7}}{_HEX}|(?:{_HEX}(?::{_HEX}){{0,6}})?::(?:{_HEX}(?::{_HEX}){{0,6}})?)"
    r"(?![0-9A-Za-z]|:[0-9A-Fa-f:])"
)
_PHONE: Final = re.compile(
    r"[+06-9](?:(?<![\w+].)|(?<=\\[nrt].))(?<!\d[.,].)(?:"
    # With a country code: a time or a date that comes after a gap is no part of it.
    r"(?:(?<=\+)|(?<=0)0)34[ .-]?\d(?:[ .-]?\d){8}(?!\d)"
    r"|(?<=\+)[1-9]\d?(?:(?:[ .-](?!\d\d?:\d|\d{4}-\d))?(?:\(\d{1,4}\)|\d)){6,13}(?!\d)"
    r"|(?<=0)0[1-9]\d(?:[ .-]?\d){8,11}(?!\d)"
    # Spanish, in the groups that people write.
    r"|(?<=[6-9])(?:\d\d([ .-]?)\d{3}\1\d{3}|\d\d([ .-])\d\d\2\d\d\2\d\d|(?<=[89])\d([ .-])\d{3}\3\d\d\3\d\d)"
    r"(?!\w|[.,]\d)"
    r")",
    re.ASCII,
)
_MEASURED: Final = re.compile(
    r"(?:(?i:uptime|timestamp|duration|elapsed|offset|errno|size|bytes|ticks|cycles)(?i:_?[mun]s)?[\"']?[ \t]{0,2}[=:]?"
    r"|(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:time|stamp|ts|[mun]s|len|length|mem|memory|heap|free|used|total|rss|count"
    r"|seq|pid|tick|addr|code|error)[\"']?[ \t]{0,2}[=:])[ \t]{0,2}-?$"
)
"""The end of what stands before a number that is a measure or a code; a word that people use needs a sign behind it."""

_UNIT: Final = re.compile(r" ?(?:[munµ]?s|secs?|seconds|min|h|[kKMG]?i?[bB]|bytes|ticks|cycles|[kM]?Hz|%)(?!\w)")
_LOOK_BACK: Final = 24
_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
"""Of Spanish identity numbers, by the remainder."""


def _email(found: re.Match[str]) -> str:
    r"""An address; the letter of a written `\n` before it is no part of it."""
    is_after_escape = found[0][0] in "nrt" and found.string[found.start() - 1 : found.start()] == "\\"
    return found[0][0] + "[e-mail]" if is_after_escape else "[e-mail]"


def _dotted_mac(found: re.Match[str]) -> str:
    """An address has a letter; a number in groups has none."""
    return found[0] if found[0].replace(".", "").isdigit() else "[mac]"


def _identity(found: re.Match[str]) -> str:
    """A Spanish number; eight digits with a letter that is a unit or of a time as well must have the right letter."""
    number, letter = found[0][:-1].replace("-", ""), found[0][-1]
    in_doubt = number[0].isdigit() and letter in "BGHKMSTZ"
    return found[0] if in_doubt and _LETTERS[int(number) % len(_LETTERS)] != letter else "[id]"


def _iban(found: re.Match[str]) -> str:
    """A Spanish one by its form; of others the check digits must be right."""
    account = re.sub("[ -]", "", found[0]).upper()
    number = int("".join(str(int(character, 36)) for character in account[4:] + account[:4]))
    return "[iban]" if account.startswith("ES") or number % 97 == 1 else found[0]


def _ipv4(found: re.Match[str]) -> str:
    """An address has four bytes."""
    return "[ip]" if all(int(byte) <= 255 for byte in found[0].split(".")) else found[0]  # noqa: PLR2004 - of a byte


def _ipv6(found: re.Match[str]) -> str:
    """An address has a digit; two words with colons between them have none."""
    return "[ip]" if any(character.isdigit() for character in found[0]) else found[0]


def _phone(found: re.Match[str]) -> str:
    """A number, unless it is digits in a row that are a measure: named before, or with a unit behind."""
    text, start = found.string, found.start()
    is_measured = _MEASURED.search(text[max(0, start - _LOOK_BACK) : start]) or _UNIT.match(text, found.end())
    return found[0] if found[0].isdigit() and not found[0].startswith("00") and is_measured else "[phone]"


def _any(*signs: str) -> Callable[[str], bool]:
    return lambda line: any(sign in line for sign in signs)


def _like(pattern: str) -> Callable[[str], bool]:
    seen = re.compile(pattern, re.ASCII)
    return lambda line: seen.search(line) is not None


def _many(number: int, *signs: str) -> Callable[[str], bool]:
    return lambda line: any(line.count(sign) >= number for sign in signs)


_has_digits: Final = _any(*"0123456789")

Replacement = str | Callable[[re.Match[str]], str]

_RULES: Final[tuple[tuple[str, Callable[[str], bool], re.Pattern[str], Replacement], ...]] = (
    # Tokens first: parts of them look like anything else. Then what holds an IPv4 address, and it before IPv6.
    ("token", _any("eyj"), _JSON_TOKEN, "[token]"),
    ("token", _any("bearer", "basic"), _BEARER, r"\1\2[token]"),
    ("token", _any("sig", "key", "token", "secret"), _SECRET, r"\1[token]"),
    ("token", _any("session"), _SESSION, r"\1[token]"),
    ("token", _any(":apa91"), _PUSH_TOKEN, "[token]"),
    ("password", _any("pass", "pwd", "psk"), _PASSWORD, r"\1\2[password]"),
    ("network", _any("ssid"), _NETWORK, r"\1\2[network]"),
    ("claim", _like(r"\.[\w-]{32}"), _CLAIM, "[claim]"),
    ("claim", _any("claim", "pairing"), _TYPED_CODE, r"\1[claim]"),
    ("location", _any("lat=", "lat:", 'lat"', "lat ", "lng", "lon", "latitude"), _COORDINATE, r"\1[location]"),
    ("email", _any("@", "%40"), _E_MAIL, _email),
    ("mac", _any("mac"), _NAMED_MAC, r"\1[mac]"),
    ("mac", _many(5, ":", "-", "%3a"), _MAC, "[mac]"),
    ("mac", _many(2, "."), _DOTTED_MAC, _dotted_mac),
    ("ip", _many(3, "."), _IPV4, _ipv4),
    ("ip", lambda line: "::" in line or line.count(":") >= 7, _IPV6, _ipv6),  # noqa: PLR2004 - the colons of a whole one
    ("iban", _has_digits, _IBAN, _iban),
    ("id", _like(r"\d{7}-?[a-z]"), _IDENTITY, _identity),
    ("phone", _has_digits, _PHONE, _phone),
)
"""Per kind: its sign in a line in small letters, what it looks like, and what stands in its place."""


def scrubbed(text: str) -> tuple[str, Counter[str]]:
    """The text without what is personal or opens a door, and how often each kind of it was taken out."""
    counts: Counter[str] = Counter()
    return "\n".join(_scrubbed_line(line, counts) for line in text.split("\n")), counts


def _scrubbed_line(line: str, counts: Counter[str]) -> str:
    signs = line.lower()
    for kind, may_be_there, pattern, replacement in _RULES:
        if may_be_there(signs):
            line, number = _replaced(line, pattern, replacement)
            if number:
                counts[kind] += number
    return line


def _replaced(text: str, pattern: re.Pattern[str], replacement: Replacement) -> tuple[str, int]:
    kept = 0

    def written(found: re.Match[str]) -> str:
        nonlocal kept
        new = found.expand(replacement) if isinstance(replacement, str) else replacement(found)
        kept += new == found[0]
        return new

    text, number = pattern.subn(written, text)
    return text, number - kept
