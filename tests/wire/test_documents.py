"""The documents over the wire: readable without an account, as pages and as data."""

import json
from typing import Any

import aiohttp
import pytest

from local.api import Api, Refused
from tests.export_user_data.documents.written import Page
from tests.wire.conftest import Household

pytestmark = pytest.mark.wire


async def get(api: Api, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.get(api.base_url + path, headers=sent) as response:
        return response, await response.text()


async def test_a_browser_gets_the_notice_as_a_page(api: Api) -> None:
    """In its language, and not a second time."""
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept_Language": "es-ES,es;q=0.9"}
    response, written = await get(api, "/api/notice", **browser)
    assert (response.status, response.content_type, response.charset) == (200, "text/html", "utf-8")
    assert response.headers["Content-Language"] == Page(written).language == "es"
    assert "Información básica" in Page(written).text
    again, nothing = await get(api, "/api/notice", If_None_Match=response.headers["ETag"], **browser)
    assert (again.status, nothing) == (304, "")


async def test_the_notice_and_its_versions_are_data_as_well(api: Api) -> None:
    """The version that is served is the newest one listed."""
    notice = (await api.get("/api/notice")).body
    versions: list[dict[str, Any]] = (await api.get("/api/notice/versions"))["versions"]
    assert notice["version"] == versions[0]["version"]
    assert notice["controller"]["privacyContact"] == "privacy@blue.example"


async def test_every_listed_product_has_its_data_sheet(api: Api) -> None:
    """And no other; whoever asks for one is told where the list is."""
    for product in (await api.get("/api/products"))["products"]:
        assert (await api.get(f"/api/products/{product['product']}/data-sheet"))["name"] == product["name"]
    with pytest.raises(Refused) as refused:
        await api.get("/api/products/toaster/data-sheet")
    assert refused.value.code == "product_unknown"


async def test_every_listed_schema_is_there(api: Api) -> None:
    """Beside those of the telemetry envelope."""
    for listed in (await api.get("/api/schemas"))["schemas"]:
        response, written = await get(api, listed["address"])
        assert response.content_type == "application/schema+json"
        assert json.loads(written)["title"] == listed["name"]
    assert (await api.get("/api/schemas/telemetry/1")).status == 200
    with pytest.raises(Refused) as refused:
        await api.get("/api/schemas/records/nothing")
    assert refused.value.code == "record_schema_unknown"


async def test_privacy_staff_read_the_record_of_processing(household: Household) -> None:
    """Which holds nothing of anybody, so no purpose is asked for."""
    authorization = f"Bearer {await household.token(email='privacy@staff.example', roles='privacy')}"
    record = await household.api.get("/api/staff/record-of-processing", authorization=authorization)
    assert record["activities"]
