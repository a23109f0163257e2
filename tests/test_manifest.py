"""The manifest of the app: every function, its trigger, and who may call it, as the golden file says it must be."""

import json
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from export_user_data import triggers as export_triggers
from ingest_telemetry import triggers as ingest_triggers
from register_device import triggers as register_triggers
from shared.http import Api
from shared.services import Services

GOLDEN = Path(__file__).with_name("manifest.json")


async def no_services() -> Services:
    raise AssertionError("a manifest needs no services")


def indexed() -> tuple[list[Any], Api]:
    """The functions of a fresh app: a library's app can be indexed once."""
    api = Api(no_services)
    app = func.FunctionApp()
    for triggers in (register_triggers, ingest_triggers, export_triggers):
        app.register_functions(triggers.blueprint(api))
    return app.get_functions(), api


def manifest() -> list[dict[str, Any]]:
    functions, api = indexed()
    callers = {operation.name: operation.admission.name for operation in api.operations}
    return sorted((entry(function, callers) for function in functions), key=lambda one: str(one["name"]))


def entry(function: Any, callers: dict[str, str]) -> dict[str, Any]:
    name, trigger = function.get_function_name(), function.get_trigger().get_dict_repr()
    told = {key: trigger[key] for key in ("route", "eventHubName", "connection", "schedule") if key in trigger}
    if trigger["type"] == "httpTrigger":
        told |= {"methods": [str(method) for method in trigger["methods"]], "caller": callers[name]}
    retry = function.get_settings_dict("retry_policy")
    if retry:
        told["retry"] = f"{retry['strategy']}, {retry['max_retry_count']} times"
    return {"name": name, "trigger": trigger["type"], **told}


def test_the_manifest_is_the_golden_one() -> None:
    """A renamed function, a new route or another caller is a decision: it changes tests/manifest.json."""
    assert manifest() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_no_two_functions_share_a_route() -> None:
    """The library indexes two functions on one route without a word; one of them would never be called."""
    routes = [(one["route"], tuple(one["methods"])) for one in manifest() if "route" in one]
    assert len(routes) == len(set(routes))


def test_only_these_operations_are_open_to_anyone() -> None:
    """A monitor without access must be able to ask for a challenge; the documents hold nothing of anybody."""
    assert {one["name"] for one in manifest() if one.get("caller") == "anyone"} == {
        "get_telemetry_schema",
        "issue_challenge",
        "get_openapi",
        "get_keys",
        "get_errors",
        "get_receipt",
        "get_notice",
        "list_notice_versions",
        "list_products",
        "get_data_sheet",
        "list_schemas",
        "get_record_schema",
    }


@pytest.mark.parametrize("name", ["store_telemetry", "run_jobs"])
def test_hub_functions_are_retried(name: str) -> None:
    """The platform checkpoints a failed batch once its retries are used up, so each hub function has a policy."""
    assert "retry" in next(one for one in manifest() if one["name"] == name)


def test_telemetry_is_retried_without_end() -> None:
    """An outage of the store must not lose a batch however long it lasts."""
    stored = next(one for one in manifest() if one["name"] == "store_telemetry")
    assert stored["retry"] == "exponential_backoff, -1 times"
