"""Effective partition keys are those that the official clients compute."""

from typing import Any

import pytest
from azure.cosmos.partition_key import PartitionKey as ClientKey
from azure.cosmos.partition_key import _Undefined
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.failures import Failure
from local.cosmos.partition_key import PartitionKey
from local.cosmos.values import UNDEFINED

SCALARS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)  # no minus zero
    | st.booleans()
    | st.none()
    | st.just(UNDEFINED)
)


def client_value(value: Any) -> Any:
    return _Undefined() if value is UNDEFINED else value


@settings(deadline=None)
@given(SCALARS)
def test_a_single_key_hashes_as_in_the_client(value: Any) -> None:
    """A container's items lie where the client looks for them."""
    expected = ClientKey._get_effective_partition_key_for_hash_partitioning_v2([client_value(value)])
    assert PartitionKey((("pk",),)).epk([value]).hex().upper() == expected


@settings(deadline=None)
@given(st.lists(SCALARS, min_size=1, max_size=3))
def test_a_hierarchical_key_hashes_as_in_the_client(values: list[Any]) -> None:
    """So do those of hierarchical keys and of their prefixes."""
    expected = ClientKey._get_effective_partition_key_for_multi_hash_partitioning_v2(list(map(client_value, values)))
    assert PartitionKey((("a",), ("b",), ("c",))).epk(values).hex().upper() == expected


def test_a_document_has_the_key_at_its_paths() -> None:
    """Nested and quoted paths are followed; what is missing counts as undefined."""
    key = PartitionKey.parse({"paths": ['/a/"odd name"'], "kind": "Hash"})
    assert key.of({"a": {"odd name": "x"}}) == key.epk(["x"])
    assert key.of({"a": 5}) == key.epk([UNDEFINED]) == key.parse_header("[{}]")
    assert key.parse_header("[null]") == key.epk([None]) != key.epk([UNDEFINED])


@pytest.mark.parametrize(
    "header", ["[]", '["a","b"]', '"a"', "[", "[[]]", '[{"x":1}]', "[-0.0]", "[1e999]", f"[1{'0' * 400}]"]
)
def test_a_wrong_header_is_refused(header: str) -> None:
    """A key that does not fit the definition is no key."""
    with pytest.raises(Failure):
        PartitionKey((("pk",),)).parse_header(header)


@pytest.mark.parametrize(
    "definition",
    [
        None,
        {"paths": []},
        {"paths": ["/a", "/b"], "kind": "Hash"},
        {"paths": ["/a", "/b", "/c", "/d"], "kind": "MultiHash"},
        {"paths": ["/a"], "kind": "Range"},
        {"paths": ["/a"], "version": 1},
        {"paths": ["/a/[]/b"]},
        {"paths": ["/"]},
        {"paths": [5]},
    ],
)
def test_a_wrong_definition_is_refused(definition: Any) -> None:
    """Neither a container without a key nor one whose key would hash otherwise is made."""
    with pytest.raises(Failure):
        PartitionKey.parse(definition)
