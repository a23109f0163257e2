"""The functions that serve the documents: to anyone, and the record of processing to privacy staff."""

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared.admission import ANYONE, staff
from shared.callers import Anyone, Role, Staff
from shared.http import HTML, JSON_SCHEMA, Api, Call, Document

OK = HTTPStatus.OK

_LANGUAGE = {"language": "en or es; without it what Accept-Language prefers of these, else en."}
_FORMAT = {"format": "html or json; without it html where Accept names it, else json."}
_KNOWN = {"If-None-Match": "The ETag of the last answer; 304 says that it is still that."}
_HEADERS = {"Accept": "text/html for a page.", "Accept-Language": "Languages by preference.", **_KNOWN}


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _notice(api, functions)
    _products(api, functions)
    _schemas(api, functions)

    @api.operation(
        functions,
        "GET",
        "staff/record-of-processing",
        admission=staff(Role.PRIVACY),
        answers={OK: None},
        problems=("field_out_of_range",),
        query=_LANGUAGE | _FORMAT,
        headers=_HEADERS,
        also=(HTML,),
    )
    async def get_record_of_processing(call: Call[Staff, None]) -> Document:
        """The record of processing activities (GDPR 30), as JSON or as a page."""
        return _served("record-of-processing", call)


def _notice(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "GET",
        "notice",
        admission=ANYONE,
        answers={OK: None},
        problems=("field_out_of_range",),
        query=_LANGUAGE | _FORMAT,
        headers=_HEADERS,
        also=(HTML,),
    )
    async def get_notice(call: Call[Anyone, None]) -> Document:
        """The privacy notice in two layers, as JSON or as a page."""
        return _served("notice", call)

    @api.operation(
        functions,
        "GET",
        "notice/versions",
        admission=ANYONE,
        answers={OK: None},
        problems=("field_out_of_range",),
        query=_LANGUAGE,
        headers={"Accept-Language": _HEADERS["Accept-Language"]},
    )
    async def list_notice_versions(call: Call[Anyone, None]) -> dict[str, Any]:
        """Every version of the notice, the newest first: date, hash, and what changed."""
        from export_user_data.documents.serving import language_asked  # noqa: PLC0415 - loaded where used
        from export_user_data.documents.versions import listed  # noqa: PLC0415 - loaded where used

        return listed("notice", language_asked(call.query, call.headers))


def _products(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "GET",
        "products",
        admission=ANYONE,
        answers={OK: None},
        problems=("field_out_of_range",),
        query=_LANGUAGE | _FORMAT,
        headers=_HEADERS,
        also=(HTML,),
    )
    async def list_products(call: Call[Anyone, None]) -> Document:
        """The models that have a data sheet, as JSON or as a page."""
        return _served("products", call)

    @api.operation(
        functions,
        "GET",
        "products/{model}/data-sheet",
        admission=ANYONE,
        answers={OK: None},
        problems=("product_unknown", "field_out_of_range"),
        query=_LANGUAGE | _FORMAT,
        headers=_HEADERS,
        also=(HTML,),
    )
    async def get_data_sheet(call: Call[Anyone, None]) -> Document:
        """What data a model makes, how much, where it lies, and how to reach and erase it; as JSON or as a page."""
        return _served("data-sheet", call, product=call.id("model"))


def _schemas(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "schemas", admission=ANYONE, answers={OK: None})
    async def list_schemas(_call: Call[Anyone, None]) -> dict[str, Any]:
        """The JSON Schemas of what exports and streams hold."""
        from export_user_data.documents.schemas import listing  # noqa: PLC0415 - loaded where used

        return listing()

    @api.operation(
        functions,
        "GET",
        "schemas/records/{name}",
        admission=ANYONE,
        answers={OK: None},
        problems=("record_schema_unknown",),
        headers=_KNOWN,
        media_type=JSON_SCHEMA,
    )
    async def get_record_schema(call: Call[Anyone, None]) -> Document:
        """Describe one record, or the readings of a category, as a JSON Schema with units."""
        from export_user_data.documents.schemas import schema  # noqa: PLC0415 - loaded where used
        from export_user_data.documents.serving import answered  # noqa: PLC0415 - loaded where used

        written = json.dumps(schema(call.id("name")), ensure_ascii=False)
        return answered(written, JSON_SCHEMA, call.headers)


def _served(document: str, call: Call[Any, None], *, product: str = "") -> Document:
    from export_user_data.documents.serving import served  # noqa: PLC0415 - loaded where used

    return served(document, call.services.settings.installation, call.query, call.headers, product=product)
