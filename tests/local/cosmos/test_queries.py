"""Queries over the wire: scope, paging, order and refusals. What expressions mean is tested in test_sql."""

import itertools
from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.local.cosmos.conftest import INDEX_NOTHING, MakeContainer, items, pages_of

pytestmark = pytest.mark.wire

NUMBERS = 25


@pytest.fixture
async def filled(container: ContainerProxy) -> ContainerProxy:
    """Items 0 to 24 in the partition p, three of them again in q."""
    for key, count in (("p", NUMBERS), ("q", 3)):
        operations = [
            ("create", ({"id": f"{number:02}", "pk": key, "n": number, "odd": number % 2, "tags": ["a", number]},))
            for number in sorted(range(count), key=str)
        ]
        await container.execute_item_batch(operations, key)
    return container


async def pages(container: ContainerProxy, query: str, **options: Any) -> list[list[Any]]:
    return [[item async for item in page] async for page in container.query_items(query, **options).by_page()]


async def refusal(container: ContainerProxy, query: str, **options: Any) -> exceptions.CosmosHttpResponseError:
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await items(container.query_items(query, **options))
    return caught.value


async def test_a_query_sees_its_partition_only(filled: ContainerProxy) -> None:
    """With a partition key nothing of another partition is found, without one everything is."""
    assert len(await items(filled.query_items("SELECT * FROM c", partition_key="q"))) == 3
    assert len(await items(filled.query_items("SELECT * FROM c", partition_key="nobody"))) == 0
    assert len(await items(filled.query_items("SELECT * FROM c"))) == NUMBERS + 3
    assert await items(filled.query_items("SELECT VALUE c.pk FROM c WHERE c.id = '02' AND c.pk = 'q'")) == ["q"]


async def test_parameters_are_values(filled: ContainerProxy) -> None:
    """A parameter never becomes part of the query's text; one that is missing is refused."""
    query = "SELECT VALUE c.n FROM c WHERE c.id = @id OR c.n IN (@n, 7)"
    options: dict[str, Any] = {"partition_key": "p"}
    given: list[dict[str, object]] = [{"name": "@id", "value": "' OR true --"}, {"name": "@n", "value": 3}]
    assert sorted(await items(filled.query_items(query, parameters=given, **options))) == [3, 7]
    assert "@n" in str(await refusal(filled, query, parameters=given[:1], **options))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE c.n FROM c", list(range(NUMBERS))),
        ("SELECT VALUE c.n FROM c WHERE c.odd = 1", list(range(1, NUMBERS, 2))),
        ("SELECT VALUE c.n FROM c ORDER BY c.n", list(range(NUMBERS))),
        ("SELECT VALUE c.n FROM c ORDER BY c.n DESC", list(reversed(range(NUMBERS)))),
        ("SELECT VALUE c.n FROM c ORDER BY c.n DESC OFFSET 3 LIMIT 5", [21, 20, 19, 18, 17]),
        ("SELECT VALUE c.n FROM c OFFSET 20 LIMIT 10", [20, 21, 22, 23, 24]),
        ("SELECT TOP 4 VALUE c.n FROM c", [0, 1, 2, 3]),
        ("SELECT TOP 4 VALUE c.n FROM c ORDER BY c.n DESC", [24, 23, 22, 21]),
        ("SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.n < 3", ["a", 0, "a", 1, "a", 2]),
        ("SELECT DISTINCT VALUE c.odd FROM c ORDER BY c.odd DESC", [1, 0]),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.n > 20", [4]),
    ],
)
async def test_pages_make_up_the_whole_result(filled: ContainerProxy, query: str, expected: list[Any]) -> None:
    """Whatever the page size, the pages put together are the result, and none is larger or needlessly empty."""
    for size in (1, 2, 7, 1000):
        found = await pages(filled, query, partition_key="p", max_item_count=size)
        assert list(itertools.chain.from_iterable(found)) == expected
        assert all(0 < len(page) <= size for page in found)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT DISTINCT VALUE c.n FROM c WHERE c.n < 9 OR c.odd = 1", [*range(9), *range(9, NUMBERS, 2)]),
        ("SELECT DISTINCT c.odd FROM c", [{"odd": 0}, {"odd": 1}]),
        (
            "SELECT c.odd, COUNT(1) AS count, MAX(c.n) AS most FROM c GROUP BY c.odd",
            [{"odd": 0, "count": 13, "most": 24}, {"odd": 1, "count": 12, "most": 23}],
        ),
    ],
)
async def test_distinct_values_and_groups_come_once(filled: ContainerProxy, query: str, expected: list[Any]) -> None:
    """Whatever the page size; their order is the server's own."""
    for size in (1, 2, 1000):
        found = list(itertools.chain.from_iterable(await pages(filled, query, partition_key="p", max_item_count=size)))
        assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("order", ["", "ORDER BY c.n", "ORDER BY c.n DESC"])
async def test_a_continuation_names_a_place(filled: ContainerProxy, order: str) -> None:
    """What comes or goes between two pages makes no other item appear twice or not at all."""
    query = f"SELECT VALUE c.n FROM c {order}"  # noqa: S608  # the clause is the test's own
    iterator = pages_of(filled, query, max_item_count=10)
    first = [item async for item in await anext(iterator)]
    place = iterator.continuation_token
    kept = set(range(NUMBERS)) - set(first)
    gone = {first[0], first[5], min(kept)}
    for number in gone:
        await filled.delete_item(f"{number:02}", "p")
    await filled.create_item({"id": "!", "pk": "p", "n": first[0] - 0.5})
    await filled.create_item({"id": "10a", "pk": "p", "n": first[2] + 0.5 if order else 0})
    rest = pages_of(filled, query, place, max_item_count=4)
    found = [item async for page in rest async for item in page]
    assert {number for number in found if isinstance(number, int) and number in kept} == kept - gone
    assert len(found) == len(set(found))


async def test_a_foreign_continuation_is_refused(filled: ContainerProxy) -> None:
    """A continuation of another query, or none at all, is 400 instead of a wrong page."""
    iterator = pages_of(filled, "SELECT * FROM c", max_item_count=1)
    await anext(iterator)
    for query, token in (("SELECT c.id FROM c", iterator.continuation_token), ("SELECT * FROM c", "bm9uZQ==")):
        with pytest.raises(exceptions.CosmosHttpResponseError, match="Continuation"):
            await anext(pages_of(filled, query, token))


async def test_long_pages_end_at_four_megabytes(container: ContainerProxy) -> None:
    """A page is not larger than the service's."""
    for number in range(7):
        await container.create_item({"id": str(number), "pk": "p", "body": "x" * 900_000})
    assert [len(page) for page in await pages(container, "SELECT * FROM c", partition_key="p")] == [5, 2]


async def test_many_items_are_read_by_their_ids(filled: ContainerProxy) -> None:
    """`read_items` finds what is there, across partitions and by the hundred."""
    wanted = [(f"{number:02}", key) for key in ("p", "q") for number in range(200)]
    found = await filled.read_items(wanted)
    assert sorted((item["id"], item["pk"]) for item in found) == sorted(
        (f"{number:02}", key) for key, count in (("p", NUMBERS), ("q", 3)) for number in range(count)
    )


async def test_all_items_are_read(filled: ContainerProxy) -> None:
    """`read_all_items` goes through the whole container page by page."""
    found = await items(filled.read_all_items(max_item_count=9))
    assert len({(item["pk"], item["id"]) for item in found}) == len(found) == NUMBERS + 3


async def test_across_partitions_what_the_client_cannot_do_is_refused(filled: ContainerProxy) -> None:
    """GROUP BY and composed aggregates work in one partition only, as with the service and this client."""
    assert await items(filled.query_items("SELECT VALUE SUM(c.odd) FROM c")) == [13]
    assert "GROUP BY" in str(await refusal(filled, "SELECT c.odd FROM c GROUP BY c.odd"))
    assert "VALUE <AggregateFunc>" in str(await refusal(filled, "SELECT COUNT(1), MAX(c.n) AS m FROM c"))


async def test_order_by_needs_an_index(make_container: MakeContainer) -> None:
    """ORDER BY over a path that is not indexed, or over two without composite index, is refused as in the service."""
    bare = await make_container(indexing_policy=INDEX_NOTHING)
    assert "excluded" in str(await refusal(bare, "SELECT * FROM c ORDER BY c.n", partition_key="p"))
    assert await items(bare.query_items("SELECT * FROM c ORDER BY c._ts", partition_key="p")) == []
    two = "SELECT VALUE c.id FROM c ORDER BY c.a {}, c.b {}"
    assert "composite" in str(await refusal(await make_container(), two.format("", ""), partition_key="p"))
    index = [[{"path": "/a", "order": "ascending"}, {"path": "/b", "order": "descending"}]]
    served = await make_container(
        indexing_policy={"includedPaths": [{"path": "/*"}], "excludedPaths": [], "compositeIndexes": index}
    )
    for name, (a, b) in enumerate(itertools.product("xy", (1, 2))):
        await served.create_item({"id": str(name), "pk": "p", "a": a, "b": b})
    assert await items(served.query_items(two.format("", "DESC"), partition_key="p")) == ["1", "0", "3", "2"]
    assert await items(served.query_items(two.format("DESC", ""), partition_key="p")) == ["2", "3", "0", "1"]
    assert "composite" in str(await refusal(served, two.format("", ""), partition_key="p"))


async def test_items_without_the_property_are_ordered_only_where_the_policy_names_it(
    make_container: MakeContainer,
) -> None:
    """By default they are left out; where the path is indexed by name they come first. Types come in their order."""
    named = {"includedPaths": [{"path": "/*"}, {"path": "/n/?"}], "excludedPaths": []}
    values: list[Any] = ["b", None, 2, True, "a", 1.5, False]
    for policy, expected in ((None, []), (named, ["none"])):
        container = await make_container(indexing_policy=policy) if policy else await make_container()
        await container.create_item({"id": "none", "pk": "p"})
        for place, value in enumerate(values):
            await container.create_item({"id": str(place), "pk": "p", "n": value})
        found = await items(container.query_items("SELECT * FROM c ORDER BY c.n", partition_key="p", max_item_count=3))
        assert [item.get("n", "none") for item in found] == [*expected, None, False, True, 1.5, 2, "a", "b"]


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "ST_DISTANCE"),
        ("SELECT * FROM c WHERE udf.f(c)", "user-defined"),
        ("SELECT * FROM c WHERE c.n & 1 = 1", "bitwise"),
        ("SELECT c.n FROM c GROUP BY c.n HAVING COUNT(1) > 1", "HAVING"),
        ("SELECT c.n FROM c GROUP BY c.n ORDER BY c.n", "ORDER BY together with GROUP BY"),
        ("SELECT * FROM c ORDER BY c.n + 1", "ORDER BY"),
        ("SELECT * FROM c WHERE", "Syntax error"),
        ("SELECT * FROM c WHERE d.n = 1", "'d'"),
        ("DELETE FROM c", "DELETE"),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(filled: ContainerProxy, query: str, construct: str) -> None:
    """No query is answered that is not understood."""
    error = await refusal(filled, query, partition_key="p")
    assert error.status_code == 400
    assert construct in str(error)


async def test_a_query_costs_what_it_reads(make_container: MakeContainer) -> None:
    """A filter over an indexed path reads the matches, over another everything; RU follow."""
    charges: list[float] = []

    def note(headers: Any, _: Any) -> None:
        charges.append(float(headers["x-ms-request-charge"]))

    for policy in (INDEX_NOTHING, {**INDEX_NOTHING, "includedPaths": [{"path": "/n/?"}]}):
        container = await make_container(indexing_policy=policy)
        for number in range(8):
            await container.create_item({"id": str(number), "pk": "p", "n": number, "body": "x" * 16_000})
        await items(container.query_items("SELECT * FROM c WHERE c.n = 1", partition_key="p", response_hook=note))
    assert charges[0] == pytest.approx(2.5 + 8 * 16.3 / 4, rel=0.1)
    assert charges[1] == pytest.approx(2.5 + 16.3 / 4, rel=0.1)
