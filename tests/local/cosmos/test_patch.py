"""Partial update on documents in memory."""

from typing import Any

import pytest

from local.cosmos import patch
from local.cosmos.failures import Failure
from local.cosmos.partition_key import PartitionKey

KEY = PartitionKey((("pk",), ("deep", "key")))


def patched(*operations: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": "a",
        "pk": "p",
        "n": 1,
        "list": [1, 2],
        "o": {"x": 1},
        "deep": {"key": 1},
        "a/b": 1,
    }
    patch.apply(document, list(operations), KEY)
    return document


def op(kind: str, path: str, **others: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **others}


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        (op("add", "/new", value=None), "new", None),
        (op("add", "/list/0", value=0), "list", [0, 1, 2]),
        (op("add", "/list/2", value=3), "list", [1, 2, 3]),
        (op("add", "/list/-", value=3), "list", [1, 2, 3]),
        (op("set", "/list/0", value=0), "list", [0, 2]),
        (op("set", "/o/y", value=[1]), "o", {"x": 1, "y": [1]}),
        (op("replace", "/n", value="x"), "n", "x"),
        (op("remove", "/list/1"), "list", [1]),
        (op("remove", "/o/x"), "o", {}),
        (op("incr", "/n", value=-3), "n", -2),
        (op("incr", "/new", value=2.5), "new", 2.5),
        (op("move", "/o/n", **{"from": "/n"}), "o", {"x": 1, "n": 1}),
        (op("set", "/a~1b", value=2), "a/b", 2),
    ],
)
def test_an_operation_changes_its_place(operation: Any, name: str, expected: Any) -> None:
    """Each kind of operation does what it says to properties and array elements."""
    assert patched(operation)[name] == expected


@pytest.mark.parametrize(
    "operations",
    [
        None,
        [],
        [op("set", "/n", value=1)] * 11,
        ["set"],
        [op("test", "/n", value=1)],
        [op("set", "/n")],
        [op("set", "n", value=1)],
        [op("set", "/", value=1)],
        [op("set", "/missing/n", value=1)],
        [op("set", "/n/deeper", value=1)],
        [op("set", "/list/9", value=1)],
        [op("set", "/list/x", value=1)],
        [op("set", "/list/\u00b2", value=1)],
        [op("replace", "/missing", value=1)],
        [op("remove", "/missing")],
        [op("remove", "/list/2")],
        [op("incr", "/o", value=1)],
        [op("incr", "/n", value="1")],
        [op("incr", "/n", value=True)],
        [op("move", "/o/inside", **{"from": "/o"})],
        [op("move", "/n", **{"from": "/missing"})],
        [op("set", "/id", value="b")],
        [op("set", "/pk", value="b")],
        [op("remove", "/deep")],
        [op("set", "/_etag", value="b")],
        [op("move", "/n", **{"from": "/id"})],
    ],
)
def test_a_wrong_patch_is_refused(operations: Any) -> None:
    """Paths that lead nowhere, other operations, and whatever would touch the item's identity."""
    with pytest.raises(Failure) as caught:
        patched(*operations) if isinstance(operations, list) and operations else patch.apply({}, operations, KEY)
    assert caught.value.status == 400
