"""The documents say what the code does: every route, every setting, every command."""

import json
import re
from pathlib import Path

import pytest

from shared.counters import ALARMS
from shared.settings import Settings
from tests.test_manifest import manifest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLATFORM = {"AZURE_FUNCTIONS_ENVIRONMENT", "WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME"}
"""Set by the host that runs the app, never by hand."""

SETTINGS = sorted(str(field.alias) for field in Settings.model_fields.values())


def test_every_operation_is_in_the_readme_with_its_caller() -> None:
    """A new route is documented, a removed one is not promised any more."""
    written = {
        (method, route, caller.partition(": ")[0].strip())
        for method, route, caller in re.findall(r"^\| `([A-Z]+) /api/([^`]+)` \| ([a-z: ]+)", README, re.MULTILINE)
    }
    real = {(one["methods"][0], one["route"], one["caller"]) for one in manifest() if "route" in one}
    assert written == real


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_documented(setting: str) -> None:
    """In the README, and but for those that hosts set themselves in the sample."""
    assert f"`{setting}`" in README
    if setting not in PLATFORM:
        assert setting in (ROOT / "local.settings.sample.json").read_text(encoding="utf-8")


def test_the_sample_has_no_setting_that_the_app_does_not_read() -> None:
    """A setting that nothing reads is a trap."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    platform = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
    assert values.keys() - platform <= set(SETTINGS)


def test_every_alarm_is_in_the_runbook() -> None:
    """Who is woken by one finds what it means and what to do; and nothing is promised that is never said."""
    said: set[str] = set(ALARMS.values())
    for package in ("shared", "register_device", "ingest_telemetry", "export_user_data"):
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            said |= set(re.findall(r"ALARM ([a-z_]+):", source))
            if "ALARM %s" in source:
                said |= set(re.findall(r'"(partition_[a-z]+)"', source))
    runbook = README.partition("## Alarms")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", runbook, re.MULTILINE)) == said


def test_every_make_target_is_in_the_readme() -> None:
    """And every one in the README exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help", "setup"}
    assert set(re.findall(r"`make ([a-z-]+)`", README)) - {"help", "setup"} == targets


def test_the_user_layout_is_there() -> None:
    """The top-level names that were fixed from the start."""
    names = "host.json requirements.txt README.md ingest_telemetry register_device export_user_data shared tests"
    for name in [*names.split(), "local.settings.sample.json"]:
        assert (ROOT / name).exists()
