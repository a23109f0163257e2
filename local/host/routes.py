"""HTTP routes as ASP.NET Core matches them, because that is what the real host does."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from urllib.parse import unquote

_PARAMETER: Final = re.compile(r"\{(\*{0,2})(\w+)((?::[^:{}?=]+)*)(\?)?(?:=([^}]*))?\}")
_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)  # the one escape that the real host leaves as it is
_CONSTRAINTS: Final = {
    "int": r"[-+]?\d+",
    "long": r"[-+]?\d+",
    "bool": r"true|false",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "alpha": r"[a-z]+",
    "decimal": r"[-+]?\d+(?:\.\d+)?",
    "double": r"[-+]?\d+(?:\.\d+)?",
    "float": r"[-+]?\d+(?:\.\d+)?",
}


class RouteError(ValueError):
    """A route template that is malformed, or uses what this host does not support."""


class _Precedence(IntEnum):
    """Which kind of segment wins where several match."""

    END = 0
    LITERAL = 1
    CONSTRAINED = 2
    PARAMETER = 3
    CATCH_ALL = 5


@dataclass(frozen=True, slots=True)
class Template:
    """A route template, ready to match."""

    text: str
    pattern: re.Pattern[str]
    precedence: tuple[int, ...]
    defaults: Mapping[str, str]
    shape: str
    """The template without parameter names: two templates of one shape match the same paths."""

    @property
    def is_literal(self) -> bool:
        """Whether the template has no parameters."""
        return "{" not in self.text


@dataclass(slots=True)
class _Segment:
    pattern: str = ""
    shape: str = ""
    kind: _Precedence = _Precedence.LITERAL
    is_optional: bool = False
    defaults: dict[str, str] = field(default_factory=dict)


def parse_template(text: str) -> Template:
    """Parse a template such as `devices/{deviceId:guid}/readings/{*rest}`.

    Raises:
        RouteError: it is malformed or uses an unknown constraint.
    """
    segments = [_parse_segment(text, part) for part in text.strip("/").split("/") if part]
    for earlier, later in itertools.pairwise(segments):
        if earlier.kind is _Precedence.CATCH_ALL or (earlier.is_optional and not later.is_optional):
            raise RouteError(f"route {text!r}: only the last segments may be optional or a catch-all")
    pattern = "".join(f"(?:/{s.pattern})?" if s.is_optional else f"/{s.pattern}" for s in segments)
    names = re.findall(r"\?P<(\w+)>", pattern)
    if len(set(names)) != len(names):
        raise RouteError(f"route {text!r} names a parameter twice")
    return Template(
        text=text.strip("/"),
        pattern=re.compile(f"{pattern}/?", re.IGNORECASE),
        precedence=(*(s.kind for s in segments), _Precedence.END),
        defaults={name: value for s in segments for name, value in s.defaults.items()},
        shape="/".join(s.shape for s in segments),
    )


def _parse_segment(template: str, text: str) -> _Segment:
    segment, end = _Segment(), 0
    for match in _PARAMETER.finditer(text):
        _add_literal(template, segment, text[end : match.start()])
        _add_parameter(template, segment, match)
        end = match.end()
    _add_literal(template, segment, text[end:])
    return segment


def _add_literal(template: str, segment: _Segment, text: str) -> None:
    if "{" in text or "}" in text:
        raise RouteError(f"route {template!r}: {text!r} is malformed")
    segment.pattern += re.escape(text)
    segment.shape += text.lower()


def _add_parameter(template: str, segment: _Segment, match: re.Match[str]) -> None:
    stars, name, constraint, question, default = match.groups()
    constraint = constraint.removeprefix(":")
    if constraint and constraint not in _CONSTRAINTS:
        raise RouteError(
            f"route {template!r}: constraint {constraint!r} is not supported; supported are {', '.join(_CONSTRAINTS)}"
        )
    segment.pattern += f"(?P<{name}>{_CONSTRAINTS[constraint] if constraint else '.*' if stars else '[^/]+'})"
    segment.shape += f"{{{'*' if stars else constraint}}}"
    kind = _Precedence.CATCH_ALL if stars else _Precedence.CONSTRAINED if constraint else _Precedence.PARAMETER
    segment.kind = max(segment.kind, kind)
    segment.is_optional = segment.is_optional or bool(stars or question or default is not None)
    if default is not None:
        segment.defaults[name] = default


@dataclass(frozen=True, slots=True)
class Route[T]:
    """A template, the methods it answers (none: all), and what it leads to."""

    template: Template
    methods: frozenset[str]
    target: T

    def answers(self, method: str) -> bool:
        """Whether the route takes this method."""
        return not self.methods or method in self.methods

    def is_ambiguous_with(self, other: "Route[T]") -> bool:
        """Whether some request would match both equally well."""
        overlap = not self.methods or not other.methods or self.methods & other.methods
        return self.template.shape == other.template.shape and bool(overlap)


class RouteTable[T]:
    """Finds the route for a request: literal segments win over constrained ones, those over others."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._literal: dict[str, list[Route[T]]] = {}
        self._patterns: list[Route[T]] = []
        for route in routes:
            if route.template.is_literal:
                self._literal.setdefault(f"/{route.template.text.lower()}".rstrip("/"), []).append(route)
            else:
                self._patterns.append(route)
        self._patterns.sort(key=lambda route: route.template.precedence)

    def find(self, method: str, raw_path: str) -> tuple[T, dict[str, str]] | None:
        """The target and the route values for a still percent-encoded path; a wrong method is no match."""
        path = unquote(_ENCODED_SLASH.sub("%252F", raw_path)) if "%" in raw_path else raw_path
        for route in self._literal.get(path.lower().rstrip("/"), ()):
            if route.answers(method):
                return route.target, {}
        for route in self._patterns:
            if route.answers(method) and (match := route.template.pattern.fullmatch(path)):
                found = {name: value for name, value in match.groupdict().items() if value}
                return route.target, {**route.template.defaults, **found}
        return None
