"""Log lines on standard error, with the levels of host.json."""

import logging
import time
from collections.abc import Mapping
from typing import Final

from azure_functions_runtime import invocation_id_cv

from local.host.manifest import Function
from local.serving import CannotStart

_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_FUNCTION: Final = "Function"
_QUIET: Final = {"azure": logging.WARNING, "aiohttp": logging.WARNING, "asyncio": logging.WARNING}
"""Libraries whose INFO is a line per request; a category of host.json of that name turns them up again. In Azure the
listener is none of Python's, so an app that wants the clients quiet there has to say so itself."""


class FunctionLevels(logging.Filter):
    """Applies the categories `Function` and `Function.NAME` to what functions log while they run."""

    def __init__(self, levels: Mapping[str, int], running: Mapping[str, Function]) -> None:
        super().__init__()
        self._levels = levels
        self._running = running

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the level of the running function lets the record pass; outside of functions, all pass."""
        function = self._running.get(invocation_id_cv.get() or "")
        if function is None or record.name.startswith("Host."):
            return True
        name = f"{_FUNCTION}.{function.name}"
        return record.levelno >= next(
            (self._levels[c] for c in (f"{name}.User", name, _FUNCTION) if c in self._levels), logging.NOTSET
        )


def configure(log_level: Mapping[str, str], running: Mapping[str, Function]) -> None:
    """Send logs to standard error, with `logging.logLevel` of host.json.

    A category is taken as the Python logger of that name and of its lower-case form (`Azure.Core`: `azure.core`).

    Raises:
        CannotStart: a level has a name that .NET does not have.
    """
    levels = {category: _level(category, name) for category, name in log_level.items()}
    handler = logging.StreamHandler()
    formatter = logging.Formatter(
        "[%(asctime)s.%(msecs)03dZ] [%(levelname)s] %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(FunctionLevels(levels, running))
    logging.basicConfig(level=levels.get("default", logging.INFO), handlers=[handler], force=True)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, logging.root.level))
    for category, level in levels.items():
        if category != "default" and not category.startswith(_FUNCTION):
            logging.getLogger(category).setLevel(level)
            logging.getLogger(category.lower()).setLevel(level)


def _level(category: str, name: str) -> int:
    try:
        return _LEVELS[name.lower()]
    except KeyError:
        raise CannotStart(f"host: host.json: log level {name!r} of {category!r} is unknown") from None
