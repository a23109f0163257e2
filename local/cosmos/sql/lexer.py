"""Text to tokens."""

import enum
import re
from typing import Any, Final, NamedTuple

from local.cosmos.failures import Failure, bad_request, unsupported


class Kind(enum.Enum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    PARAMETER = "parameter"
    NAME = "name"
    KEYWORD = "keyword"
    SYMBOL = "symbol"
    END = "end"


class Token(NamedTuple):
    """A token: its value, its text as written, and where it stands."""

    kind: Kind
    value: Any
    text: str
    at: int


_KEYWORDS: Final = """
SELECT DISTINCT TOP VALUE FROM JOIN IN WHERE GROUP BY HAVING ORDER OFFSET LIMIT AS ASC DESC RANK
AND OR NOT BETWEEN LIKE ESCAPE EXISTS ARRAY TRUE FALSE NULL UNDEFINED UDF
"""
KEYWORDS: Final = frozenset(_KEYWORDS.split())

_TOKEN: Final = re.compile(
    r"""
    (?P<space> \s+ | --[^\n]* )
  | (?P<number> (?: \d+ (?:\.\d*)? | \.\d+ ) (?:[eE][+-]?\d+)? (?![A-Za-z_]) )
  | (?P<string> '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
  | (?P<parameter> @\w+ )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<symbol> <> | != | <= | >= | \|\| | \?\? | << | >> | [-+*/%=<>(),.\[\]{}:?&|^~] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_BITWISE: Final = frozenset({"<<", ">>", "&", "|", "^", "~"})


def tokens(text: str) -> list[Token]:
    """All tokens of a query, with an END at its end.

    Raises:
        Failure: a character or an operator has no place in a query.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise syntax_error(text[at : at + 12])
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, Token(Kind.END, None, "the end of the query", at)]


def _token(group: str, text: str, at: int) -> Token:
    if group == "number":
        integral = text.isdigit()
        return Token(Kind.NUMBER, int(text) if integral else float(text), text, at)
    if group == "string":
        return Token(Kind.STRING, _ESCAPE.sub(_unescape, text[1:-1]), text, at)
    if group == "name" and text.upper() in KEYWORDS:
        return Token(Kind.KEYWORD, text.upper(), text, at)
    if text in _BITWISE:
        raise unsupported(f"The bitwise operator '{text}'")
    return Token(Kind(group), text, text, at)


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPES.get(match[2], match[2])


def syntax_error(near: str) -> Failure:
    """The query is not a query here."""
    return bad_request(f"Syntax error, incorrect syntax near '{near}'.")
