"""Indexing policies: which paths are indexed, what ORDER BY may use, how many index terms an item has.

Queries do not run on these indexes; they decide what the service would refuse and what it would charge.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local.cosmos.failures import bad_request, unsupported
from local.cosmos.values import Json

type Path = tuple[str, ...]
type Sort = tuple[tuple[Path, bool], ...]
"""Paths of an ORDER BY, each with whether it descends."""

DEFAULT_POLICY: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
"""What a container gets that names no policy: everything is indexed."""

ALWAYS_INDEXED: Final = frozenset({("id",), ("_ts",)})
"""Paths that the service indexes whatever the policy says, unless indexing is off."""

_SEGMENT: Final = re.compile(r"""/("[^"]*"|'[^']*'|[^/"']+)""")
_UNSUPPORTED: Final = ("spatialIndexes", "vectorIndexes", "fullTextIndexes")


@dataclass
class _Node:
    """A path's place in the policy: None where the policy says nothing of its own."""

    exact: bool | None = None
    below: bool | None = None
    children: dict[str, "_Node"] = field(default_factory=dict)


class IndexingPolicy:
    """A container's parsed `indexingPolicy`."""

    def __init__(self, policy: dict[str, Any]) -> None:
        for name in _UNSUPPORTED:
            if policy.get(name):
                raise unsupported(f"Indexing policy property '{name}'")
        self._on = _mode(policy) == "consistent"
        self._root = _Node()
        self._explicit: set[Path] = set()
        self._composites: list[Sort] = []
        try:
            self._read(policy)
        except (TypeError, AttributeError):
            raise bad_request("The indexing policy must have lists of objects with paths.") from None

    def _read(self, policy: dict[str, Any]) -> None:
        for entry in policy.get("includedPaths") or ():
            self._add(entry, included=True)
        for entry in policy.get("excludedPaths") or ():
            self._add(entry, included=False)
        self._composites = [_composite(index) for index in policy.get("compositeIndexes") or ()]

    def _add(self, entry: dict[str, Any], *, included: bool) -> None:
        *names, end = _segments(str(entry.get("path")))
        node = self._root
        for name in names:
            node = node.children.setdefault(name, _Node())
        if end == "*":
            node.below = included
        else:
            node.exact = included
        if included and names:
            self._explicit.add(tuple(names))

    def covers(self, path: Path) -> bool:
        """Whether the values at a path are indexed."""
        if not self._on:
            return False
        if path in ALWAYS_INDEXED:
            return True
        node, covered = self._root, bool(self._root.below)
        for name in path:
            following = node.children.get(name)
            if following is None:
                return covered
            node = following
            covered = covered if node.below is None else node.below
        return covered if node.exact is None else node.exact

    def keeps_undefined(self, path: Path) -> bool:
        """Whether ORDER BY on a path also returns items without it: where the policy names the path itself."""
        return path in ALWAYS_INDEXED or path in self._explicit

    def serves(self, sort: Sort) -> bool:
        """Whether a composite index has these paths in this order, in these directions or in all the opposite ones."""
        reverse = tuple((path, not descending) for path, descending in sort)
        return any(composite in (sort, reverse) for composite in self._composites)

    def terms(self, document: dict[str, Json]) -> int:
        """How many values of a document the index holds, not counting the service's own properties."""
        if not self._on:
            return 0
        return _terms(document, self._root, bool(self._root.below))


def _mode(policy: dict[str, Any]) -> str:
    mode = str(policy.get("indexingMode", "consistent")).lower()
    if mode not in ("consistent", "none"):
        raise bad_request(f"Indexing mode '{mode}' is neither 'consistent' nor 'none'.")
    return mode


def _segments(path: str) -> list[str]:
    segments = [segment.strip("\"'") for segment in _SEGMENT.findall(path)]
    if not segments or segments[-1] not in ("*", "?"):
        raise bad_request(f"The indexing path '{path}' could not be accepted: it must end in /* or /?.")
    return segments


def _composite(index: Sequence[dict[str, Any]]) -> Sort:
    return tuple(
        (
            tuple(segment.strip("\"'") for segment in _SEGMENT.findall(str(part.get("path")))),
            str(part.get("order", "ascending")).lower() == "descending",
        )
        for part in index
    )


def _terms(value: Json, node: _Node | None, covered: bool) -> int:
    if node is None or not node.children:
        return _leaves(value, node, covered)
    if node.below is not None:
        covered = node.below
    if not covered and isinstance(value, dict):  # only the few included properties are looked at
        return sum(_terms(value[name], child, covered) for name, child in node.children.items() if name in value)
    return sum(_terms(member, node.children.get(name), covered) for name, member in _members(value))


def _leaves(value: Json, node: _Node | None, covered: bool) -> int:
    """Count the values at and below a place beneath which the policy has no further rules."""
    if not isinstance(value, dict | list):
        return int(covered if node is None or node.exact is None else node.exact)
    covered = covered if node is None or node.below is None else node.below
    return _scalars(value) if covered else 0


def _scalars(value: Json) -> int:
    if isinstance(value, dict):
        return sum(map(_scalars, value.values()))
    if isinstance(value, list):
        return sum(map(_scalars, value))
    return 1


def _members(value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from (("[]", element) for element in value)
