"""What must be on the machine before anything starts. Standard library only: this runs before any package is there."""

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Final

from local.serving import CannotStart

ROOT: Final = Path(__file__).resolve().parent.parent
"""The repository: the function app, and the directory that `python -m local` runs in."""

PYTHON: Final = (3, 13)
AZURITE_BLOB: Final = Path("node_modules/azurite/dist/src/blob/main.js")


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:2]), *, package: str = "aiohttp") -> None:
    """Refuse a Python that the Functions worker does not run on, or one without the installed requirements.

    Raises:
        CannotStart: with what to do.
    """
    if version[:2] != PYTHON:
        have = ".".join(map(str, version[:2]))
        raise CannotStart(
            f"Python 3.13 is needed, this is {have}. "
            "Run `make setup`, then `.venv/bin/python -m local` (or `make run`)."
        )
    if importlib.util.find_spec(package) is None:
        raise CannotStart(
            f"The package {package} is missing in {sys.executable}. "
            "Run `make setup`, then `.venv/bin/python -m local` (or `make run`)."
        )


def node() -> str:
    """The path of Node.js.

    Raises:
        CannotStart: it is not on the PATH.
    """
    found = shutil.which("node")
    if found is None:
        raise CannotStart(
            "Node.js 20 or newer is needed for Azurite, the local blob storage. Install it, then run `make setup`."
        )
    return found


def azurite(local: Path = ROOT / "local") -> Path:
    """The script that starts Azurite's blob service.

    Raises:
        CannotStart: Azurite is not installed.
    """
    script = local / AZURITE_BLOB
    if not script.is_file():
        raise CannotStart("Azurite, the local blob storage, is not installed. Run `make setup`.")
    return script
