"""Partial update: add, set, replace, remove, increment and move at JSON pointers."""

from collections.abc import Callable
from typing import Any, Final

from local.cosmos import values
from local.cosmos.documents import SYSTEM_PROPERTIES
from local.cosmos.failures import Failure, bad_request
from local.cosmos.partition_key import PartitionKey
from local.cosmos.values import Json

MAX_OPERATIONS: Final = 10

_APPEND: Final = "-"

type Parent = dict[str, Json] | list[Json]


def apply(document: dict[str, Json], operations: Json, key: PartitionKey) -> None:
    """Change a document in place, operation by operation.

    Raises:
        Failure: an operation is malformed, its path leads nowhere, or it touches what a patch must not.
    """
    if not isinstance(operations, list) or not 1 <= len(operations) <= MAX_OPERATIONS:
        raise bad_request(f"A patch has 1 to {MAX_OPERATIONS} operations.")
    for operation in operations:
        _apply_one(document, operation, key)


def _apply_one(document: dict[str, Json], operation: Json, key: PartitionKey) -> None:
    kind = operation.get("op") if isinstance(operation, dict) else None
    change = _OPERATIONS.get(str(kind))
    if change is None:
        raise bad_request(f"The patch operation '{kind}' is not one of {', '.join(_OPERATIONS)}.")
    path = _path(operation, "path", key)
    if kind == "move":
        change(document, path, _path(operation, "from", key))
    elif kind == "remove":
        change(document, path, None)
    elif "value" in operation:
        change(document, path, operation["value"])
    else:
        raise bad_request(f"The patch operation '{kind}' at '{operation['path']}' has no value.")


def _path(operation: dict[str, Json], name: str, key: PartitionKey) -> tuple[str, ...]:
    text = operation.get(name)
    if not isinstance(text, str) or not text.startswith("/") or text == "/":
        raise bad_request(f"The patch operation's {name} '{text}' is no JSON pointer to a property.")
    path = tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    protected = (*key.paths, ("id",), *((system,) for system in SYSTEM_PROPERTIES))
    if any(path == other[: len(path)] for other in protected):
        raise bad_request(f"The path '{text}' must not be patched: it belongs to the item's identity.")
    return path


def _parent(document: dict[str, Json], path: tuple[str, ...]) -> Parent:
    parent: Json = document
    for name in path[:-1]:
        if isinstance(parent, list):
            parent = parent[_index(name, len(parent), path)]
        else:
            parent = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(parent, dict | list):
        raise _no_such(path)
    return parent


def _index(name: str, length: int, path: tuple[str, ...]) -> int:
    if not (name.isascii() and name.isdigit()) or int(name) >= length:
        raise _no_such(path)
    return int(name)


def _no_such(path: tuple[str, ...]) -> Failure:
    return bad_request(f"The path '/{'/'.join(path)}' of the patch does not exist in the item.")


def _add(document: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    parent = _parent(document, path)
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif path[-1] == _APPEND:
        parent.append(value)
    else:
        parent.insert(_index(path[-1], len(parent) + 1, path), value)


def _set(document: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    parent = _parent(document, path)
    if isinstance(parent, list) and path[-1] != _APPEND:
        parent[_index(path[-1], len(parent), path)] = value
    else:
        _add(document, path, value)


def _get(document: dict[str, Json], path: tuple[str, ...]) -> Json:
    parent = _parent(document, path)
    if isinstance(parent, list):
        return parent[_index(path[-1], len(parent), path)]
    if path[-1] not in parent:
        raise _no_such(path)
    return parent[path[-1]]


def _replace(document: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    _get(document, path)
    _set(document, path, value)


def _remove(document: dict[str, Json], path: tuple[str, ...], _: Json) -> None:
    _get(document, path)
    parent = _parent(document, path)
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]


def _increment(document: dict[str, Json], path: tuple[str, ...], by: Json) -> None:
    parent = _parent(document, path)
    missing = isinstance(parent, dict) and path[-1] not in parent
    current = 0 if missing else _get(document, path)
    if not values.is_number(current) or not values.is_number(by):
        raise bad_request(f"Only a number can be incremented at '/{'/'.join(path)}', and only by a number.")
    _set(document, path, current + by)


def _move(document: dict[str, Json], path: tuple[str, ...], source: tuple[str, ...]) -> None:
    if path[: len(source)] == source and path != source:
        raise bad_request("A value cannot be moved into itself.")
    value = _get(document, source)
    _remove(document, source, None)
    _add(document, path, value)


_OPERATIONS: Final[dict[str, Callable[[dict[str, Json], tuple[str, ...], Any], None]]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
    "move": _move,
}
