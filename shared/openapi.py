"""The API description: OpenAPI 3.1, generated from the same operations and models that the edge works with."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from shared.errors import CATALOGUE
from shared.http import Model, Operation

VERSION: Final = "0.1.0"
_TEMPLATE: Final = "#/components/schemas/{model}"

SECURITY_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "signIn": {"type": "http", "scheme": "bearer", "description": "Access token of the sign-in provider."},
    "deviceToken": {"type": "http", "scheme": "bearer", "description": "Device access token of a registered monitor."},
    "noticeToken": {"type": "http", "scheme": "bearer", "description": "The token that came with a notice."},
    "attestation": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "SharedAccessSignature over a challenge, by the monitor's own key.",
    },
}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem document.",
    "required": ["type", "title", "status", "detail", "instance", "code", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do."},
        "instance": {"type": "string", "format": "uri", "description": "The request, for support."},
        "code": {"type": "string", "enum": sorted(CATALOGUE)},
        "retryable": {"type": "boolean"},
        "pairingError": {"type": "integer", "description": "The number that residents see while a monitor is paired."},
        "pointer": {"type": "string", "description": "JSON pointer to the fault, of declared names only."},
    },
}

_BODY_PROBLEMS: Final = (
    "body_too_large",
    "body_unreadable",
    "compression_invalid",
    "encoding_unsupported",
    "content_type_unsupported",
    "field_unknown",
    "field_missing",
    "field_wrong_type",
    "field_out_of_range",
)
_TOKEN_PROBLEMS: Final = ("token_missing", "token_invalid", "token_expired", "token_foreign")
_SCHEME_PROBLEMS: Final[dict[str | None, tuple[str, ...]]] = {
    None: (),
    "signIn": (*_TOKEN_PROBLEMS, "email_not_verified", "sign_in_unavailable"),
    "deviceToken": _TOKEN_PROBLEMS,
    "noticeToken": _TOKEN_PROBLEMS,
    "attestation": ("token_missing", "attestation_refused"),
}


def description(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    models = {_mode(model, answered) for model, answered in _models(operations)}
    by_name: list[tuple[Any, _Mode]] = sorted(models, key=lambda pair: (pair[0].__name__, pair[1]))
    refs, definitions = TypeAdapter.json_schemas(
        [(model, mode, TypeAdapter(model)) for model, mode in by_name], ref_template=_TEMPLATE
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(f"/api/{operation.route}", {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blue data service",
            "version": VERSION,
            "description": "Registration, telemetry and residents' rights of connected video door-entry systems.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": PROBLEM_SCHEMA},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


_Mode = Literal["validation", "serialization"]


def _mode(model: Model, answered: bool) -> tuple[Model, _Mode]:
    return model, "serialization" if answered else "validation"


def _models(operations: Iterable[Operation]) -> Iterable[tuple[Model, bool]]:
    for operation in operations:
        if operation.body is not None:
            yield operation.body, False
        for model in operation.answers.values():
            if model is not None:
                yield model, True


def _operation(operation: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    scheme = operation.admission.scheme
    written: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [] if scheme is None else [{scheme: []}],
        "responses": {
            **{
                str(int(status)): _answer(status, model, (operation.media_type, *operation.also), refs)
                for status, model in operation.answers.items()
            },
            **_problems(operation),
        },
    }
    parameters = [
        *(
            {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
            for part in operation.route.split("/")
            if part.startswith("{")
        ),
        *(
            {"name": name, "in": "query", "required": False, "description": about, "schema": {"type": "string"}}
            for name, about in operation.query.items()
        ),
        *(
            {"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
            for name, about in operation.headers.items()
        ),
    ]
    if parameters:
        written["parameters"] = parameters
    if operation.body is not None:
        schema = refs[_mode(operation.body, answered=False)]
        written["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return written


def _answer(
    status: HTTPStatus, model: Model | None, media_types: Iterable[str], refs: Mapping[Any, Any]
) -> dict[str, Any]:
    """The model of JSON Lines is that of one line."""
    schema = {"type": "object"} if model is None else refs[_mode(model, answered=True)]
    return {
        "description": status.phrase,
        "content": {media_type: _of(media_type, schema) for media_type in media_types},
    }


def _of(media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "string"} if media_type.startswith("text/") else schema}


def _problems(operation: Operation) -> dict[str, Any]:
    codes = [
        *_SCHEME_PROBLEMS[operation.admission.scheme],
        *(_BODY_PROBLEMS if operation.body is not None else ()),
        *(("not_allowed",) if operation.admission.name.startswith("staff:") else ()),
        *(("route_unknown",) if "{" in operation.route else ()),
        *operation.problems,
        "internal_error",
    ]
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return {
        str(status): {
            "description": ", ".join(names),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, names in sorted(by_status.items())
    }
