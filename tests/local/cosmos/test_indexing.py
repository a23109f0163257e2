"""What an indexing policy covers, serves and counts."""

from typing import Any

import pytest

from local.cosmos.failures import Failure
from local.cosmos.indexing import DEFAULT_POLICY, IndexingPolicy

DOCUMENT = {"id": "a", "n": 1, "o": {"x": 1, "y": {"z": [1, 2]}}, "list": [{"k": 1, "l": 2}, {"k": 3}], "none": None}


def policy(included: list[str], excluded: list[str], **others: Any) -> IndexingPolicy:
    paths = {
        "includedPaths": [{"path": path} for path in included],
        "excludedPaths": [{"path": path} for path in excluded],
    }
    return IndexingPolicy({**paths, **others})


@pytest.mark.parametrize(
    ("included", "excluded", "terms"),
    [
        (["/*"], [], 9),
        ([], ["/*"], 0),
        (["/n/?"], ["/*"], 1),
        (["/o/*"], ["/*"], 3),
        (["/o/x/?"], ["/*"], 1),
        (["/list/[]/k/?"], ["/*"], 2),
        (["/*"], ["/o/*"], 6),
        (["/*"], ["/o/x/?"], 8),
        (["/*", "/o/y/*"], ["/o/*"], 8),
        (["/missing/?", "/n/deeper/?"], ["/*"], 0),
    ],
)
def test_terms_are_the_indexed_values(included: list[str], excluded: list[str], terms: int) -> None:
    """The more precise path decides, for properties, subtrees and array elements."""
    assert policy(included, excluded).terms(DOCUMENT) == terms


def test_coverage_of_paths() -> None:
    """The id and _ts are always indexed, _etag by default is not, and nothing is with indexing off."""
    default = IndexingPolicy(DEFAULT_POLICY)
    assert default.covers(("any", "path"))
    assert not default.covers(("_etag",))
    bare = policy(["/a/b/?"], ["/*"])
    assert bare.covers(("id",))
    assert bare.covers(("_ts",))
    assert bare.covers(("a", "b"))
    assert not bare.covers(("a",))
    assert not bare.covers(("a", "b", "c"))
    off = policy([], [], indexingMode="none")
    assert not off.covers(("id",))
    assert off.terms(DOCUMENT) == 0


def test_a_composite_index_serves_its_order_and_the_reverse() -> None:
    """Neither other directions nor other paths nor a part of it."""
    index = [[{"path": "/a", "order": "ascending"}, {"path": "/b/c", "order": "descending"}]]
    composite = policy(["/*"], [], compositeIndexes=index)
    assert composite.serves(((("a",), False), (("b", "c"), True)))
    assert composite.serves(((("a",), True), (("b", "c"), False)))
    assert not composite.serves(((("a",), False), (("b", "c"), False)))
    assert not composite.serves(((("b", "c"), True), (("a",), False)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"indexingMode": "sometimes"},
        {"includedPaths": [{"path": "/a"}]},
        {"includedPaths": ["/a/?"]},
        {"includedPaths": 5},
        {"compositeIndexes": [["/a"]]},
        {"spatialIndexes": [{"path": "/where/*"}]},
        {"vectorIndexes": [{"path": "/v"}]},
    ],
)
def test_a_wrong_policy_is_refused(wrong: dict[str, Any]) -> None:
    """Malformed or unsupported policies make no container."""
    with pytest.raises(Failure):
        IndexingPolicy(wrong)
