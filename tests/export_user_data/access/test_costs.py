"""What live access costs the database, modelled: bounded, and no more for who has more."""

import pytest

from export_user_data.access.overview import overview
from local.cosmos.server import CosmosServer
from shared.data_map import Category
from tests.export_user_data.access.conftest import Street

pytestmark = pytest.mark.wire


def units(cosmos: CosmosServer) -> float:
    containers = cosmos.usage.report()["containers"]
    return float(sum(used["requestUnits"] for name, used in containers.items() if name != "account"))


async def page_cost(street: Street, cosmos: CosmosServer) -> float:
    reader = street.reader("maria", Category.USAGE, page_items=10)
    await reader.page()
    cosmos.usage.reset()
    assert len(await reader.page()) == 10
    return units(cosmos)


async def test_a_page_costs_the_same_however_much_there_is(street: Street, cosmos: CosmosServer) -> None:
    """A person's millionth reading costs what the first did: nothing before or behind the page is read."""
    home = street.household.homes["maria"]
    await home.messages(40)
    few = await page_cost(street, cosmos)
    await home.messages(160)
    many = await page_cost(street, cosmos)
    assert many <= 1.1 * few
    assert many <= 40


async def test_the_overview_costs_a_query_a_place(street: Street, cosmos: CosmosServer) -> None:
    """Of a household as it is: about fifteen queries."""
    cosmos.usage.reset()
    await overview(
        street.people["maria"].person_id,
        database=street.database,
        webhooks=street.household.tools.webhooks,
        now=street.household.hosts.clock(),
    )
    assert units(cosmos) <= 60
