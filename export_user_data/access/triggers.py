"""The functions of live access: what is held about the caller, and every item of it."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.access import overview, pages
from export_user_data.access.admitted import admitted, category_named
from export_user_data.access.contract import DataOverview, DataPage
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.http import Api, Call

OK = HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions, "GET", "me/data", admission=RESIDENT, answers={OK: DataOverview}, problems=("person_erased",)
    )
    async def get_data_overview(call: Call[Resident, None]) -> DataOverview:
        """Everything that is held about the caller, by category: why, from where, for how long, who is given it."""
        services = call.services
        person_id = await admitted(call.caller, database=services.database, now=services.clock())
        return await overview.overview(
            person_id, database=services.database, webhooks=services.webhooks, now=services.clock()
        )

    @api.operation(
        functions,
        "GET",
        "me/data/{category}",
        admission=RESIDENT,
        answers={OK: DataPage},
        problems=("category_unknown", "cursor_invalid", "person_erased"),
        query={"cursor": "That of the page before, however old it is; without it the first page is answered."},
    )
    async def list_data(call: Call[Resident, None]) -> DataPage:
        """The items of a category, page by page, with what each field means."""
        services = call.services
        category = category_named(call.id("category"))
        person_id = await admitted(call.caller, database=services.database, now=services.clock())
        return await pages.data_page(
            person_id,
            category,
            call.query.get("cursor"),
            database=services.database,
            key=services.settings.identity_key,
        )
