"""The real app in a process that ends, like in a power cut, where a test says: `TEST_STOP_AT=POINT:NTH`.

A test copies it as the function_app.py of a directory of its own; nobody imports it.
"""

import importlib.util
import os
from contextvars import ContextVar
from pathlib import Path

from shared import injection

STOPPED_HERE = 77

_point, _, _nth = os.environ.get("TEST_STOP_AT", "").partition(":")
_left = int(_nth or 0)


async def _stop_there(point: injection.Point) -> None:
    global _left  # noqa: PLW0603 - the process counts for itself, and then ends
    if point == _point:
        _left -= 1
        if _left == 0:
            os._exit(STOPPED_HERE)


# As the default of the variable it listens to every invocation, in whatever context the worker runs it.
injection._listener = ContextVar("injection_listener", default=_stop_there)  # type: ignore[misc]

_real = importlib.util.spec_from_file_location(
    "real_function_app", Path(injection.__file__).parents[1] / "function_app.py"
)
assert _real is not None
assert _real.loader is not None
_module = importlib.util.module_from_spec(_real)
_real.loader.exec_module(_module)
app = _module.app
