"""Simulated fleets: each monitor with its own resident, rates that add up."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from local import fleet
from local.keys import ENROLMENT_GROUP
from local.serving import listening_socket
from local.simulation import monitor_data
from tests.local.fake_service import GROUP_KEY, FakeService, problem


def arguments(*words: str) -> Namespace:
    parser = ArgumentParser()
    fleet.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    keys = {"BLUE_ENROLMENT_GROUPS": json.dumps({ENROLMENT_GROUP: [GROUP_KEY]})}
    (tmp_path / "keys.json").write_text(json.dumps(_all_keys() | keys))
    return tmp_path


def _all_keys() -> dict[str, str]:
    return dict.fromkeys(("BLUE_IDENTITY_KEY", "BLUE_DEVICE_TOKEN_KEYS", "BLUE_EXPORT_KEYS"), "")


def _fleet_of_five(url: str, data: Path) -> Namespace:
    words = ["--monitors", "5", "--messages", "3", "--readings", "4", "--interval", "0", "--concurrency", "2"]
    return arguments(*words, "--base-url", url, "--issuer", url, "--data", str(data))


@pytest.mark.wire
async def test_a_fleet_registers_and_sends_what_was_asked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five monitors, three messages each, four readings a message, every one acknowledged."""
    service = FakeService()
    async with service.running() as url:
        assert await fleet.run(_fleet_of_five(url, data)) == 0
    assert len({made["device"]["serialNumber"] for made in service.registrations}) == 5
    assert len(service.telemetry) == 15
    said = capsys.readouterr().out
    assert "5 registered; 15 messages; 60 readings" in said


@pytest.mark.wire
async def test_a_fleet_that_is_rejected_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is named, and the exit code is not 0."""
    service = FakeService()
    service.answers = [problem(422, "field_unknown")]
    async with service.running() as url:
        assert await fleet.run(_fleet_of_five(url, data)) == 1
    assert "field_unknown" in capsys.readouterr().out


async def test_a_fleet_without_a_cloud_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys of the local cloud are what a simulated factory needs."""
    assert await fleet.run(arguments("--data", str(tmp_path))) == 2
    assert "python -m local up" in capsys.readouterr().err


@pytest.mark.wire
async def test_a_fleet_that_nobody_answers_says_what_to_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cloud was there once, and is not up now."""
    with listening_socket(0, name="nobody") as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert await fleet.run(_fleet_of_five(url, data)) == 1
    assert "python -m local up" in capsys.readouterr().err


def test_a_simulated_monitor_is_the_same_every_time() -> None:
    """So a second run of the same fleet registers the same monitors again."""
    assert monitor_data(7) == monitor_data(7)
    assert monitor_data(7)["serialNumber"] != monitor_data(8)["serialNumber"]
    assert monitor_data(0x1FFFF)["macAddress"] == "02:00:5E:01:FF:FF"
