"""Indexing by Microsoft's own library: what it refuses although Python accepts it, and what it accepts silently."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from local.host import CannotIndex, Function, FunctionsHost, index_app
from local.serving import CannotStart
from tests.local.host.conftest import MakeApp

HEAD = "import typing\nimport azure.functions as func\napp = func.FunctionApp()\n"
EVENTS = '@app.event_hub_message_trigger("events", connection="Hub", event_hub_name="h", cardinality="many")\n'
STREAM = {"HUB": "telemetry", "GROUP": "$Default"}


async def by_name(app: Path, settings: dict[str, str] | None = None) -> dict[str, Function]:
    return {function.name: function for function in await index_app(app, settings=settings)}


async def test_http_functions(make_app: MakeApp) -> None:
    """The manifest has route, methods and level of each HTTP function, and its bindings as indexed."""
    functions = await by_name(make_app("web"))
    echo, answer = functions["echo"], functions["answer"]
    assert (echo.trigger_type, echo.route, echo.methods) == (
        "httpTrigger",
        "echo/{name}/{number:int?}",
        ("GET", "POST"),
    )
    assert (echo.auth_level, answer.auth_level, answer.methods) == ("function", "anonymous", ())
    assert {(b["type"], b["direction"]) for b in echo.bindings} == {("httpTrigger", "IN"), ("http", "OUT")}


async def test_event_functions(make_app: MakeApp) -> None:
    """The manifest has hub, group, cardinality and retry policy of each event function, expressions resolved."""
    functions = await by_name(make_app("stream"), STREAM)
    many, one = functions["many"], functions["one"]
    trigger: Any = many.trigger
    assert (trigger.event_hub, trigger.consumer_group, trigger.is_batch) == ("telemetry", "$Default", True)
    assert many.bindings[0]["eventHubName"] == "%HUB%"
    assert many.retry
    assert many.retry.max_retries == 2
    assert (one.trigger_type, one.retry, one.route, one.auth_level) == ("eventHubTrigger", None, None, None)


async def test_disabled_functions(make_app: MakeApp) -> None:
    """A function that a setting disables is not there."""
    functions = await by_name(make_app("stream"), {**STREAM, "AzureWebJobs.one.Disabled": "true"})
    assert sorted(functions) == ["many", "parsed"]


async def test_missing_setting_of_an_expression(make_app: MakeApp) -> None:
    """An expression without a setting is named with function and property."""
    with pytest.raises(CannotStart, match="function 'many': eventHubName: there is no setting 'HUB'"):
        await index_app(make_app("stream"), settings={"GROUP": "g"})


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(
            EVENTS + "def f(events: list[func.EventHubEvent]) -> None: ...",
            r"binding events has invalid non-type annotation list\[.*typing\.List",
            id="list of events instead of typing.List",
        ),
        pytest.param(
            EVENTS + '@app.queue_output("out", "q", "S")\n'
            "def f(events: typing.List[func.EventHubEvent], out: func.Out[list[str]]) -> None: ...",
            "cannot load the f function",
            id="out of list",
        ),
        pytest.param(
            '@app.route("a")\ndef f(req: func.HttpRequest) -> typing.Optional[func.HttpResponse]: ...',
            "return annotation.*one class as return type",
            id="optional return type",
        ),
        pytest.param(
            '@app.route("a")\ndef f(req: func.HttpRequest, extra: int = 1) -> str: ...',
            "declared in Python but not in the function definition.*extra.*is a binding or `context`",
            id="parameter without binding",
        ),
        pytest.param(
            '@app.route("a", trigger_arg_name="request")\ndef f(req: func.HttpRequest) -> str: ...',
            "declared in Python but not in the function definition",
            id="other name of the request parameter",
        ),
        pytest.param(
            '@app.route("a")\ndef f(req: func.HttpRequest) -> str: ...\n'
            '@app.route("b")\n@app.function_name("f")\ndef g(req: func.HttpRequest) -> str: ...',
            "Function f does not have a unique function name",
            id="one name twice",
        ),
        pytest.param("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", id="import"),
        pytest.param("def broken(:", "SyntaxError", id="syntax"),
        pytest.param("raise RuntimeError('no vault')", "RuntimeError: no vault", id="error at import"),
        pytest.param("second = func.FunctionApp()", "More than one FunctionApp", id="two apps"),
        pytest.param("", "0 functions found.*function_app.py registers none", id="no functions"),
    ],
)
async def test_what_the_worker_refuses(make_app: MakeApp, source: str, reason: str) -> None:
    """An app that the worker cannot index is reported with the worker's reason, which Azure shows as 0 functions."""
    with pytest.raises(CannotIndex, match=f"(?s){reason}") as caught:
        await index_app(make_app(source=HEAD + source))
    assert "sys.path" not in str(caught.value)


async def test_directory_without_script(tmp_path: Path) -> None:
    """A directory without the script is no app."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with pytest.raises(CannotIndex, match=r"there is no function_app\.py"):
        await index_app(tmp_path)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(
            '@app.route("devices/{id}", methods=["GET"])\ndef f(req: func.HttpRequest) -> str: ...\n'
            '@app.route("Devices/{other}")\ndef g(req: func.HttpRequest) -> str: ...',
            "'f' and 'g' answer the same requests: routes 'api/devices/{id}' and 'api/Devices/{other}', "
            "methods GET and all",
            id="one route twice",
        ),
        pytest.param(
            '@app.route("a/{b:datetime}")\ndef f(req: func.HttpRequest) -> str: ...',
            "function 'f': route 'api/a/{b:datetime}': constraint 'datetime' is not supported",
            id="unknown constraint",
        ),
        pytest.param(
            '@app.queue_trigger("m", "q", "S")\ndef f(m: func.QueueMessage) -> None: ...',
            "function 'f': binding 'm' of type 'queueTrigger' and direction 'in' is not supported",
            id="another trigger",
        ),
        pytest.param(
            '@app.route("a")\n@app.event_hub_output("out", "Hub", "h")\n'
            "def f(req: func.HttpRequest, out: func.Out[str]) -> str: ...",
            "function 'f': binding 'out' of type 'eventHub' and direction 'out' is not supported",
            id="another output",
        ),
        pytest.param(
            '@app.timer_trigger("t", "every day")\ndef f(t: func.TimerRequest) -> None: ...',
            "function 'f': schedule 'every day'",
            id="schedule",
        ),
        pytest.param(
            '@app.route("a")\n@app.retry("fixed_delay", "1", delay_interval="00:00:01")\n'
            "def f(req: func.HttpRequest) -> str: ...",
            "function 'f': a retry policy on an httpTrigger",
            id="retry on http",
        ),
    ],
)
async def test_what_the_host_refuses(make_app: MakeApp, source: str, reason: str) -> None:
    """What the worker accepts but this host would get wrong is refused by name."""
    with pytest.raises(CannotIndex) as caught:
        await index_app(make_app(source=HEAD + source))
    assert reason in str(caught.value)


async def test_reserved_route(make_app: MakeApp) -> None:
    """Without a prefix, no function may take the host's own routes."""
    source = HEAD + '@app.route("Admin/x")\ndef f(req: func.HttpRequest) -> str: ...'
    with pytest.raises(CannotIndex, match="route 'Admin/x' is the host's own"):
        await index_app(make_app(source=source, http={"routePrefix": ""}))


async def test_apps_after_each_other(make_app: MakeApp) -> None:
    """A process can index one app after the other, and is afterwards as it was before."""
    before = (list(sys.path), Path.cwd(), "function_app" in sys.modules)
    assert "echo" in await by_name(make_app("web"))
    assert "tick" in await by_name(make_app("clock"), {"SCHEDULE": "0 * * * * *"})
    assert (list(sys.path), Path.cwd(), "function_app" in sys.modules) == before


@pytest.mark.wire
async def test_one_host_at_a_time(make_app: MakeApp) -> None:
    """A second host in one process is refused, since the worker's state is the process's."""
    async with FunctionsHost(make_app("web")):
        with pytest.raises(RuntimeError, match="in another process"):
            await index_app(make_app("clock"), settings={"SCHEDULE": "0 * * * * *"})
    importlib.invalidate_caches()
    assert await by_name(make_app("web"))
