"""JSON values as the service compares and orders them, with `undefined` for what is not there."""

import enum
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from local.cosmos.failures import bad_request

type Json = Any
"""A parsed JSON value, or UNDEFINED."""


class _Undefined(enum.Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED
"""The value of a property that does not exist."""

type Undefined = Literal[_Undefined.UNDEFINED]

_RANKS: Final[dict[type, int]] = {_Undefined: 0, type(None): 1, bool: 2, int: 3, float: 3, str: 4, list: 5, dict: 6}
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_ESCAPING_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_CANONICAL_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_SCALARS: Final = frozenset({1, 2, 3, 4})


def rank(value: Json) -> int:
    """The place of a value's type in the order of types: undefined, null, boolean, number, string, array, object."""
    return _RANKS[type(value)]


def is_number(value: Json) -> bool:
    """Whether a value is a JSON number; a boolean is none."""
    return type(value) is int or type(value) is float


def equal(left: Json, right: Json) -> bool:
    """Whether two defined values are the same JSON value; values of different types never are."""
    kind = _RANKS[type(left)]
    if kind != _RANKS[type(right)]:
        return False
    if kind == _RANKS[list]:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind == _RANKS[dict]:
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    return bool(left == right)


def comparable(left: Json, right: Json) -> bool:
    """Whether `<` and its kin are defined for two values: scalars of one type."""
    kind = _RANKS[type(left)]
    return kind == _RANKS[type(right)] and kind in _SCALARS


def order_key(value: Json) -> tuple[int, Any]:
    """A key that sorts any values as ORDER BY does; arrays and objects sort by their text."""
    kind = _RANKS[type(value)]
    if kind in _SCALARS:
        return (kind, 0 if value is None else value)
    return (kind, canonical(value) if kind else 0)


def canonical(value: Json) -> str:
    """One text per JSON value: equal values have equal texts, whatever the order of properties or form of numbers."""
    return _CANONICAL_ENCODER.encode(_normal(value))


def fingerprint(value: Json) -> str:
    """A short text that is the same for equal values, and for no others."""
    return hashlib.blake2b(canonical(value).encode(), digest_size=16).hexdigest()


def _normal(value: Json) -> Json:
    kind = type(value)
    if kind is float and value.is_integer():
        return int(value)
    if kind is list:
        return [_normal(element) for element in value]
    if kind is dict:
        return {name: _normal(member) for name, member in value.items()}
    if value is UNDEFINED:
        return {"\u0000": "undefined"}
    return value


def dig(document: Json, path: Sequence[str]) -> Json:
    """The value at a path of property names, or UNDEFINED."""
    for name in path:
        if type(document) is not dict:
            return UNDEFINED
        document = document.get(name, UNDEFINED)
    return document


def dump(value: Json) -> bytes:
    """Compact UTF-8 JSON. A lone surrogate, which UTF-8 cannot carry, stays escaped.

    Raises:
        Failure: a number is too large to be one, as 1e999 is.
    """
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        return _ESCAPING_ENCODER.encode(value).encode()
    except ValueError as error:
        raise bad_request(f"A number is out of range: {error}.") from None


def load(text: bytes) -> Json:
    """Parse UTF-8 JSON.

    Raises:
        ValueError: it is not JSON; NaN and infinities are not either.
    """
    return json.loads(text.decode(), parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
