"""The import rules that the linter of packages cannot express: which module may speak which SDK."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ("function_app.py", "register_device", "ingest_telemetry", "export_user_data", "shared")

ALLOWED = {
    "azure.functions": {
        "function_app.py",
        "shared/http.py",
        "register_device/triggers/__init__.py",
        "register_device/triggers/fleet.py",
        "register_device/triggers/installations.py",
        "register_device/triggers/guests.py",
        "register_device/triggers/monitors.py",
        "register_device/triggers/residents.py",
        "register_device/triggers/staff.py",
        "register_device/triggers/staff_support.py",
        "register_device/triggers/support.py",
        "register_device/triggers/workers.py",
        "ingest_telemetry/hub_batches.py",
        "ingest_telemetry/quarantine_triggers.py",
        "ingest_telemetry/statistics/triggers.py",
        "ingest_telemetry/triggers.py",
        "export_user_data/access/triggers.py",
        "export_user_data/consents/guardian_triggers.py",
        "export_user_data/consents/triggers.py",
        "export_user_data/device_triggers.py",
        "export_user_data/documents/triggers.py",
        "export_user_data/erasure/triggers.py",
        "export_user_data/interactions/triggers.py",
        "export_user_data/requests/triggers.py",
        "export_user_data/on_behalf/triggers.py",
        "export_user_data/restriction/triggers.py",
        "export_user_data/retention/triggers.py",
        "export_user_data/transfers/triggers.py",
        "export_user_data/vault/triggers.py",
        "export_user_data/recipients/triggers.py",
        "export_user_data/rectification/triggers.py",
        "export_user_data/triggers.py",
    },
    "azure.cosmos": {"shared/cosmos.py"},
    "azure.eventhub": {"shared/hubs.py"},
    "azure.storage": {"shared/blobs.py"},
    "aiosmtplib": {"shared/mail.py"},
    "azure.identity": {"shared/services.py"},
}


def app_modules() -> Iterator[Path]:
    for entry in APP:
        path = ROOT / entry
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("sdk", ALLOWED)
def test_each_sdk_is_spoken_in_one_place(sdk: str) -> None:
    """An SDK is imported by its adapter (or edge) and by nothing else."""
    users = {
        str(path.relative_to(ROOT))
        for path in app_modules()
        if any(name == sdk or name.startswith(f"{sdk}.") for name in imported(path))
    }
    assert users == ALLOWED[sdk]


def test_the_app_does_not_import_the_local_cloud_or_the_tests() -> None:
    """What runs in Azure needs neither."""
    offenders = [
        path.relative_to(ROOT)
        for path in app_modules()
        if {name.split(".")[0] for name in imported(path)} & {"local", "tests"}
    ]
    assert offenders == []


ACROSS_PARTITIONS = {
    "export_user_data/consents/settling.py",
    "export_user_data/erasure/finding.py",
    "export_user_data/erasure/purging.py",
    "export_user_data/erasure/replaying.py",
    "export_user_data/erasure/scanning.py",
    "export_user_data/erasure/withdrawing.py",
    "export_user_data/requests/due.py",
    "export_user_data/requests/finding.py",  # staff, rarely: pages of an index that holds requests alone
    "export_user_data/restriction/due.py",
    "export_user_data/retention/expiry.py",
    "export_user_data/retention/figures.py",
    "export_user_data/vault/destruction.py",
    "export_user_data/whom.py",  # staff, rarely: one request by its id, in the same index
    "ingest_telemetry/statistics/counting.py",
    "register_device/fleet_figures.py",
    "register_device/repairs.py",
    "shared/jobs.py",
    "shared/journal.py",
    "shared/ledger/checkpoints.py",
    "shared/ledger/verification.py",
    "shared/notifications.py",
    "shared/rectifying.py",
    "shared/retention.py",
}
"""Timers and operators' commands: what they scan is bounded or streamed, and nobody waits for it."""


def test_no_request_queries_across_partitions() -> None:
    """Its cost would grow with the fleet: every query on a request's path names its partition."""
    users = {
        str(path.relative_to(ROOT))
        for path in app_modules()
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "query"
        and "partition" not in {keyword.arg for keyword in node.keywords}
    }
    assert users == ACROSS_PARTITIONS


AT_FIRST_USE = {
    "aiohttp",
    "aiosmtplib",
    "azure.core",
    "azure.cosmos",
    "azure.eventhub",
    "azure.identity",
    "azure.storage",
    "cryptography",
    "export_user_data.documents.serving",
    "importlib.metadata",  # by it pydantic looks for plugins, as soon as any validator is built
    "jinja2",
    "jwt",
    "pydantic.root_model",
    "pydantic_settings",
    "shared.scrubbing",
}


def test_a_cold_start_waits_for_nothing_that_its_first_call_may_not_need() -> None:
    """No client, no JWT library, no pattern of a log is loaded by an import, and no validator is built."""
    loaded = (
        "import azure.functions, sys; before = {*sys.modules}; import function_app; print(*sys.modules.keys() - before)"
    )
    said = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter
    assert "shared.http" in said.stdout.split()
    assert AT_FIRST_USE.isdisjoint(said.stdout.split())
