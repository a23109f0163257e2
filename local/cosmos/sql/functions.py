"""Built-in functions. One that is not in the table is refused by name; a wrong argument type gives undefined."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from local.cosmos import values
from local.cosmos.failures import bad_request, unsupported
from local.cosmos.values import UNDEFINED, Json

AGGREGATES: Final = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG"})
"""Functions over many items; anything else is over one."""

CLOCK_FUNCTIONS: Final = frozenset({"GETCURRENTDATETIME", "GETCURRENTTIMESTAMP"})
"""Functions of the server's clock: they get the time of the request in milliseconds."""

_MANY: Final = 64


class Function(NamedTuple):
    """One built-in: what its arguments must be, the fewest it takes, and what it does with them."""

    accepts: tuple[str, ...]
    least: int
    apply: Callable[..., Json]

    def call(self, arguments: list[Json]) -> Json:
        """The result, undefined when an argument is of another type than accepted."""
        for kind, argument in zip(self.accepts, arguments, strict=False):
            if not _ACCEPTS[kind](argument):
                return UNDEFINED
        return self.apply(*arguments)


def _is_index(value: Json) -> bool:
    return values.is_number(value) and float(value).is_integer()


_ACCEPTS: Final[dict[str, Callable[[Json], bool]]] = {
    "any": lambda _: True,
    "string": lambda value: type(value) is str,
    "number": values.is_number,
    "integer": _is_index,
    "boolean": lambda value: type(value) is bool,
    "array": lambda value: type(value) is list,
}


def check_call(name: str, count: int) -> None:
    """Whether a function exists and takes so many arguments.

    Raises:
        Failure: it does not.
    """
    function = FUNCTIONS.get(name.upper())
    if function is None:
        raise unsupported(f"The function '{name}'")
    if not function.least <= count <= len(function.accepts):
        raise bad_request(f"The function '{name}' takes another number of arguments than {count}.")


def _array_contains(array: list[Json], element: Json, partial: bool = False) -> Json:
    if element is UNDEFINED:
        return UNDEFINED
    return any(_contains(candidate, element) if partial else values.equal(candidate, element) for candidate in array)


def _contains(candidate: Json, wanted: Json) -> bool:
    if isinstance(candidate, dict) and isinstance(wanted, dict):
        return all(name in candidate and _contains(candidate[name], value) for name, value in wanted.items())
    return values.equal(candidate, wanted)


def _array_slice(array: list[Json], start: float, length: float | None = None) -> Json:
    first = max(0, len(array) + int(start)) if start < 0 else int(start)
    return array[first:] if length is None else array[first : first + max(0, int(length))]


def _array_concat(*arrays: list[Json]) -> Json:
    return [element for array in arrays for element in array]


def _text_test(test: Callable[[str, str], bool]) -> Callable[..., Json]:
    def apply(text: str, part: str, ignore_case: bool = False) -> Json:
        return test(text.casefold(), part.casefold()) if ignore_case else test(text, part)

    return apply


def _substring(text: str, start: float, length: float) -> Json:
    first = max(0, int(start))
    return text[first : first + max(0, int(length))]


def _index_of(text: str, part: str, start: float = 0) -> Json:
    return text.find(part, max(0, int(start)))


def _replace(text: str, old: str, new: str) -> Json:
    return text.replace(old, new) if old else text


def _to_string(value: Json) -> Json:
    if value is UNDEFINED or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _string_to_number(text: str) -> Json:
    try:
        parsed = values.load(text.strip().encode())
    except ValueError:
        return UNDEFINED
    return parsed if values.is_number(parsed) else UNDEFINED


def _string_to_boolean(text: str) -> Json:
    return {"true": True, "false": False}.get(text.strip(), UNDEFINED)


def _real(function: Callable[..., float]) -> Callable[..., Json]:
    """Arithmetic that is undefined where mathematics has no real answer."""

    def apply(*arguments: float) -> Json:
        try:
            return number(function(*arguments))
        except (ValueError, OverflowError, ZeroDivisionError):
            return UNDEFINED

    return apply


def number(result: Any) -> Json:
    """A result of arithmetic as JSON: whole numbers without a fraction; undefined where it is no number."""
    if isinstance(result, complex) or not math.isfinite(result):
        return UNDEFINED
    return int(result) if isinstance(result, float) and result.is_integer() else result


def _round(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _iso(milliseconds: float) -> Json:
    """A time in the service's own format, seven digits after the point; undefined beyond the calendar."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return UNDEFINED
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _timestamp(text: str) -> Json:
    moment = _moment(text)
    return UNDEFINED if moment is None else round(moment.timestamp() * 1000)


def _moment(text: str) -> datetime | None:
    if not text.endswith("Z"):  # the service takes UTC only
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


_PARTS: Final[dict[str, Callable[[datetime], int]]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
    "millisecond": lambda moment: moment.microsecond // 1000,
}
_PART_NAMES: Final = {
    **{name: name for name in _PARTS},
    "yyyy": "year",
    "yy": "year",
    "mm": "month",
    "m": "month",
    "dd": "day",
    "d": "day",
    "hh": "hour",
    "mi": "minute",
    "n": "minute",
    "ss": "second",
    "s": "second",
    "ms": "millisecond",
}


def _date_part(part: str, text: str) -> Json:
    moment, name = _moment(text), _PART_NAMES.get(part.lower())
    return UNDEFINED if moment is None or name is None else _PARTS[name](moment)


def _test(kinds: tuple[type, ...]) -> Function:
    return Function(("any",), 1, lambda value: type(value) in kinds)


def _text(apply: Callable[[str], Json]) -> Function:
    return Function(("string",), 1, apply)


def _numeric(apply: Callable[[float], float]) -> Function:
    return Function(("number",), 1, _real(apply))


_TYPE_TESTS: Final = {
    "IS_DEFINED": Function(("any",), 1, lambda value: value is not UNDEFINED),
    "IS_NULL": _test((type(None),)),
    "IS_BOOL": _test((bool,)),
    "IS_NUMBER": _test((int, float)),
    "IS_STRING": _test((str,)),
    "IS_ARRAY": _test((list,)),
    "IS_OBJECT": _test((dict,)),
    "IS_PRIMITIVE": _test((str, bool, int, float, type(None))),
    "IS_INTEGER": Function(("any",), 1, _is_index),
}
_ARRAYS: Final = {
    "ARRAY_CONTAINS": Function(("array", "any", "boolean"), 2, _array_contains),
    "ARRAY_LENGTH": Function(("array",), 1, len),
    "ARRAY_SLICE": Function(("array", "integer", "integer"), 2, _array_slice),
    "ARRAY_CONCAT": Function(("array",) * _MANY, 2, _array_concat),
}
_STRINGS: Final = {
    "CONTAINS": Function(("string", "string", "boolean"), 2, _text_test(lambda text, part: part in text)),
    "STARTSWITH": Function(("string", "string", "boolean"), 2, _text_test(str.startswith)),
    "ENDSWITH": Function(("string", "string", "boolean"), 2, _text_test(str.endswith)),
    "STRINGEQUALS": Function(("string", "string", "boolean"), 2, _text_test(str.__eq__)),
    "CONCAT": Function(("string",) * _MANY, 2, lambda *texts: "".join(texts)),
    "INDEX_OF": Function(("string", "string", "integer"), 2, _index_of),
    "LEFT": Function(("string", "integer"), 2, lambda text, count: text[: max(0, int(count))]),
    "RIGHT": Function(("string", "integer"), 2, lambda text, count: text[max(0, len(text) - max(0, int(count))) :]),
    "SUBSTRING": Function(("string", "integer", "integer"), 3, _substring),
    "REPLACE": Function(("string", "string", "string"), 3, _replace),
    "LENGTH": _text(len),
    "LOWER": _text(str.lower),
    "UPPER": _text(str.upper),
    "TRIM": _text(str.strip),
    "LTRIM": _text(str.lstrip),
    "RTRIM": _text(str.rstrip),
    "REVERSE": _text(lambda text: text[::-1]),
    "TOSTRING": Function(("any",), 1, _to_string),
    "STRINGTONUMBER": _text(_string_to_number),
    "STRINGTOBOOLEAN": _text(_string_to_boolean),
}
_NUMBERS: Final = {
    "ABS": _numeric(abs),
    "CEILING": _numeric(math.ceil),
    "FLOOR": _numeric(math.floor),
    "ROUND": _numeric(_round),
    "TRUNC": _numeric(math.trunc),
    "SIGN": _numeric(_sign),
    "SQRT": _numeric(math.sqrt),
    "SQUARE": _numeric(lambda value: value * value),
    "EXP": _numeric(math.exp),
    "LOG": _numeric(math.log),
    "LOG10": _numeric(math.log10),
    "POWER": Function(("number", "number"), 2, _real(math.pow)),
}
_OTHERS: Final = {
    "IIF": Function(("any", "any", "any"), 3, lambda test, yes, no: yes if test is True else no),
    "DATETIMEPART": Function(("string", "string"), 2, _date_part),
    "DATETIMETOTIMESTAMP": Function(("string",), 1, _timestamp),
    "TIMESTAMPTODATETIME": Function(("number",), 1, _iso),
    "GETCURRENTDATETIME": Function((), 0, _iso),
    "GETCURRENTTIMESTAMP": Function((), 0, int),
}

FUNCTIONS: Final[dict[str, Function]] = {**_TYPE_TESTS, **_ARRAYS, **_STRINGS, **_NUMBERS, **_OTHERS}
