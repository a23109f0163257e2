"""`requirements.txt` alone is enough to index the app: nothing of the development tools is needed in Azure."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parent.parent

INDEX_WITHOUT_TOOLS = """
import importlib.metadata, sys

locked = set(sys.argv[1].split())
owners = importlib.metadata.packages_distributions()

def canonical(name):
    return name.lower().replace("_", "-").replace(".", "-")

class OnlyLocked:
    def find_spec(self, name, path=None, target=None):
        owned = owners.get(name.partition(".")[0], [])
        if owned and not {canonical(one) for one in owned} & locked:
            raise ModuleNotFoundError(f"{name} is not in requirements.txt")

sys.meta_path.insert(0, OnlyLocked())
sys.path.insert(0, ".")
import function_app
print(len(function_app.app.get_functions()))
import aiosmtplib, azure.cosmos.aio, azure.eventhub.aio, azure.identity.aio, azure.storage.blob.aio
"""


def locked() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {match[1].lower().replace("_", "-") for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==", line))}


def index(names: set[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", INDEX_WITHOUT_TOOLS, " ".join(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_app_indexes_and_loads_its_clients_from_the_lock_alone() -> None:
    """A module of a development tool on that path would fail in Azure only."""
    finished = index(locked())
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) > 10


def test_a_missing_requirement_would_be_found() -> None:
    """The check above can fail: without pydantic in the lock it does."""
    finished = index(locked() - {"pydantic"})
    assert "pydantic is not in requirements.txt" in finished.stderr


def test_both_locks_agree() -> None:
    """The tests run against exactly what is deployed."""

    def pins(path: str) -> dict[str, str]:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        return {match[1]: match[2] for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line))}

    deployed, tools = pins("requirements.txt"), pins("tests/requirements.txt")
    assert {name: tools.get(name) for name in deployed} == deployed
