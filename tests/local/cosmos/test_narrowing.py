"""What a WHERE lets a query leave unread."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.failures import Failure
from local.cosmos.sql.narrowing import bounds, filtered_paths
from local.cosmos.sql.parser import parse
from local.cosmos.sql.select import Select


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("c.pk = 'p'", [({("pk",): "p"}, None)]),
        ("'p' = c.pk AND c.n > 1", [({("pk",): "p"}, None)]),
        ("c.pk = @pk AND c.id IN ('a', @id)", [({("pk",): "q"}, {"a", "b"})]),
        ("(c.id = 'a' AND c.pk = 1) OR (c.pk = 2 AND c.id = 'b')", [({("pk",): 1}, {"a"}), ({("pk",): 2}, {"b"})]),
        ("c.id = 'a' AND c.id IN ('b')", [({}, set())]),
        ("c.n > 1", [({}, None)]),
        ("NOT c.pk = 'p'", [({}, None)]),
        ("c.pk != 'p'", [({}, None)]),
        ("c.pk = c.other", [({}, None)]),
        ("c.pk = ['p']", [({}, None)]),
        ("c.pk IN ('p', 'q')", [({}, None)]),
    ],
)
def test_alternatives_demand_keys_and_ids(where: str, expected: list[Any]) -> None:
    """Only what every matching row must have is demanded."""
    query = parse(f"SELECT * FROM c WHERE {where}")  # noqa: S608  # the language under test
    found = bounds(query, {"@pk": "q", "@id": "b"})
    equals = [{path: value for path, value in each.equals.items() if path != ("id",)} for each in found]
    assert list(zip(equals, (each.ids for each in found), strict=True)) == expected


def test_a_joined_alias_demands_nothing() -> None:
    """An equality on an element of an array says nothing about the item."""
    query = parse("SELECT c.id FROM c JOIN t IN c.tags WHERE t.pk = 'p' AND t.id = 'x'")
    assert [tuple(each) for each in bounds(query, {})] == [({}, None)]
    assert bounds(parse("SELECT VALUE t FROM t IN c.tags WHERE t.pk = 'p'"), {}) == []


def test_the_paths_of_a_filter() -> None:
    """The whole path counts, not its beginnings."""
    query = parse("SELECT * FROM c WHERE c.a.b = 1 AND (c.n > 1 OR NOT IS_DEFINED(c.a.c))")
    assert filtered_paths(query) == {("a", "b"), ("n",), ("a", "c")}


WORDS = """
SELECT VALUE TOP DISTINCT * FROM c c.n t IN JOIN WHERE AND OR NOT ( ) [ ] { } , . : ? ?? = != < + - / || 1 2.5 'x' @p
COUNT( SUM( LOWER( IS_DEFINED( EXISTS( ARRAY( GROUP BY ORDER DESC OFFSET LIMIT LIKE BETWEEN null true undefined
"""


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=14))
def test_no_text_breaks_the_parser(words: list[str]) -> None:
    """Any sequence of words is a query or a failure of the request, nothing else."""
    text = "SELECT * FROM c WHERE " + " ".join(words)  # noqa: S608  # the language under test
    for query in (text, " ".join(words)):
        try:
            Select(parse(query))
        except Failure as failure:
            assert failure.status == 400  # noqa: PT017  # not every text is refused
