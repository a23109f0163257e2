"""Drives Microsoft's Python worker library: indexes an app and runs its functions, all in this process.

The library keeps its registry of functions, its thread pool and the imported app in module globals, and the app needs
its directory as current directory and first on `sys.path`. So a process has one worker at a time; the next may start
when the last has stopped. The app's own modules stay imported in between, only the script file is run anew.
"""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Final

import azure_functions_runtime as runtime

from local.host import protos
from local.host.manifest import CannotIndex

HOST_VERSION: Final = "4.1036.0"
"""The version of the real host whose behaviour is followed."""

DEFAULT_SCRIPT: Final = "function_app.py"
_MESSAGES: Final = {"protos": protos, "host": "127.0.0.1"}
_ADVICE: Final = re.compile(r"\.? Cannot find module\. Please check .*")
"""What the library adds to an import error: a link, and all of sys.path."""

_HINTS: Final = {
    "has invalid non-type annotation list[": "The worker reads typing.List[...], not list[...].",
    "has invalid Out annotation": "The worker reads func.Out[typing.List[...]], not func.Out[list[...]].",
    "has invalid non-type return annotation": "The worker wants one class as return type, without None or a union.",
    "declared in Python but not in the function definition": "Every parameter of a function is a binding or `context`.",
}


class _Request:
    """What the worker's entry points take: a name, a request message, and the module of all messages."""

    __slots__ = ("name", "properties", "request")

    def __init__(self, name: str, request: object) -> None:
        self.name = name
        self.request = request
        self.properties = _MESSAGES


class _Invocation:
    """The part of a request that carries an invocation."""

    __slots__ = ("invocation_request",)

    def __init__(self, invocation_request: protos.InvocationRequest) -> None:
        self.invocation_request = invocation_request


class Worker:
    """One indexed app; use `running_worker` to make one."""

    _is_running: ClassVar = False

    def __init__(self, app_directory: Path) -> None:
        self._app_directory = app_directory

    async def index(self) -> list[protos.RpcFunctionMetadata]:
        """Import the app and index its functions.

        Raises:
            CannotIndex: with the reason that the worker gives, and the traceback of the app where there is one.
        """
        with _quiet_library():
            answer = await runtime.worker_init_request(self._init_request())
            _check(answer.result, self._app_directory)
            listed = await runtime.functions_metadata_request(_Request("WorkerMetadataRequest", None))
        _check(listed.result, self._app_directory)
        functions = listed.function_metadata_results
        if not functions:
            raise CannotIndex(f"host: 0 functions found in {self._app_directory}: {self._why_none()}")
        return list(functions)

    async def invoke(self, request: protos.InvocationRequest) -> protos.InvocationResponse:
        """Run a function once; what it raises is a failed result, not an exception here."""
        response: protos.InvocationResponse = await runtime.invocation_request(
            _Request("FunctionInvocationRequest", _Invocation(request))
        )
        return response

    def _init_request(self) -> _Request:
        request = protos.WorkerInitRequest(function_app_directory=str(self._app_directory), host_version=HOST_VERSION)
        return _Request("WorkerInitRequest", SimpleNamespace(worker_init_request=request))

    def _why_none(self) -> str:
        script = script_name(os.environ)
        if (self._app_directory / script).exists():
            return f"{script} registers none"
        return f"there is no {script}"


def script_name(settings: Mapping[str, str]) -> str:
    """File name of the app's script."""
    return settings.get("PYTHON_SCRIPT_FILE_NAME", DEFAULT_SCRIPT)


@contextlib.contextmanager
def running_worker(app_directory: Path, settings: Mapping[str, str]) -> Iterator[Worker]:
    """A worker for the app, with its settings as environment; everything is put back at the end.

    Raises:
        RuntimeError: a worker is running in this process already.
    """
    if Worker._is_running:  # noqa: SLF001 - the flag belongs to this module
        raise RuntimeError("a worker is running in this process already; run another host in another process")
    Worker._is_running = True  # noqa: SLF001
    try:
        with _process_of(app_directory, settings):
            runtime.start_threadpool_executor()
            yield Worker(app_directory)
    finally:
        Worker._is_running = False  # noqa: SLF001


@contextlib.contextmanager
def _process_of(app_directory: Path, settings: Mapping[str, str]) -> Iterator[None]:
    environment, path = dict(os.environ), list(sys.path)
    module = Path(script_name(settings)).stem
    previous: Any = sys.modules.pop(module, None)
    os.environ.update(settings)
    sys.path.insert(0, str(app_directory))
    try:
        with contextlib.chdir(app_directory):
            yield
    finally:
        sys.modules.pop(module, None)
        if previous is not None:
            sys.modules[module] = previous
        sys.path[:] = path
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)


@contextlib.contextmanager
def _quiet_library() -> Iterator[None]:
    """The library logs an indexing error three times, with all of sys.path; it is reported once, by `CannotIndex`."""
    logger = logging.getLogger("azure.functions")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check(result: protos.StatusResult, app_directory: Path) -> None:
    if result.status == protos.StatusResult.Success:
        return
    message, trace = (_ADVICE.sub("", text) for text in (result.exception.message, result.exception.stack_trace))
    hint = next((f" {hint}" for part, hint in _HINTS.items() if part in message), "")
    raise CannotIndex(f"host: cannot index {app_directory}: {message}{hint}\n{trace}".rstrip())
