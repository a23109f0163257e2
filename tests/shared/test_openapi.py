"""The API description is valid, and says of every operation what the edge does."""

import json
from typing import Any

from openapi_spec_validator import validate

from export_user_data.documents import schemas
from export_user_data.stream import SCHEMA_URL
from shared import openapi
from shared.errors import CATALOGUE
from tests.test_manifest import indexed, manifest


def description() -> dict[str, Any]:
    _, api = indexed()
    written: dict[str, Any] = json.loads(json.dumps(openapi.description(api.operations)))
    return written


def operations() -> list[dict[str, Any]]:
    return [operation for path in description()["paths"].values() for operation in path.values()]


def test_the_description_is_valid_openapi() -> None:
    """Any OpenAPI 3.1 tool can read it."""
    document = description()
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_http_function_is_described_and_nothing_else() -> None:
    """The description and the function manifest name the same operations."""
    described = {operation["operationId"] for operation in operations()}
    assert described == {one["name"] for one in manifest() if one["trigger"] == "httpTrigger"}


def test_what_anyone_may_call_has_an_empty_security() -> None:
    """And everything else names the credential it needs."""
    callers = {one["name"]: one["caller"] for one in manifest() if "caller" in one}
    for operation in operations():
        assert (operation["security"] == []) == (callers[operation["operationId"]] == "anyone")


def test_every_operation_has_a_summary() -> None:
    """The first line of its docstring, in words for those who call."""
    assert [operation["operationId"] for operation in operations() if len(operation["summary"]) < 10] == []


def test_every_problem_of_an_operation_is_in_the_catalogue() -> None:
    """A described problem is one that the edge can render."""
    for operation in operations():
        for status, answer in operation["responses"].items():
            if "application/problem+json" in answer["content"]:
                assert {CATALOGUE[code].status for code in answer["description"].split(", ")} == {int(status)}


def test_what_an_operation_reads_from_the_query_string_is_described() -> None:
    """With what it is; it is never required."""
    [listing] = [operation for operation in operations() if operation["operationId"] == "list_notifications"]
    [cursor] = listing["parameters"]
    assert (cursor["name"], cursor["in"], cursor["required"]) == ("cursor", "query", False)
    assert cursor["description"]


def test_what_an_operation_reads_from_the_headers_is_described() -> None:
    """The monitor's present time, by which a wrong clock is told from a message that waited."""
    [telemetry] = [operation for operation in operations() if operation["operationId"] == "accept_telemetry"]
    [header] = telemetry["parameters"]
    assert (header["name"], header["in"], header["required"]) == ("X-Monitor-Time", "header", False)


def test_json_lines_are_described_by_one_line() -> None:
    """Under their own media type, by the schema that the first line of the stream points to as well."""
    [streamed] = [operation for operation in operations() if operation["operationId"] == "stream_telemetry"]
    assert streamed["responses"]["200"]["content"] == {
        "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/StreamLine"}}
    }
    assert f"{schemas.ADDRESS}/{schemas.STREAM_LINE}" == SCHEMA_URL
    assert schemas.STREAM_LINE in schemas.all_schemas()


def test_pages_are_described_beside_json() -> None:
    """A document has both forms."""
    [notice] = [operation for operation in operations() if operation["operationId"] == "get_notice"]
    assert notice["responses"]["200"]["content"] == {
        "application/json": {"schema": {"type": "object"}},
        "text/html": {"schema": {"type": "string"}},
    }
