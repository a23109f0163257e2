"""This machine's own readings: real, bounded, and without anything personal."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from local import machine


def test_health_is_this_machines_and_plausible() -> None:
    """What every machine has is there, in the units of the names."""
    reading = machine.system_health()
    assert reading["kind"] == "system_health"
    assert 0 <= reading["cpuPercent"] <= 100
    assert 0 < reading["memoryUsedMb"] <= reading["memoryTotalMb"]
    assert reading["uptimeS"] > 0
    assert reading["storageFreeMb"] >= 0
    assert datetime.fromisoformat(reading["observedAt"]).utcoffset() is not None


def test_a_machine_without_a_sensor_sends_no_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be measured is left out, not made up."""
    monkeypatch.setattr(machine, "_temperature", lambda: None)
    assert "temperatureC" not in machine.system_health()


def test_wifi_signal_is_read_where_there_is_wifi(tmp_path: Path) -> None:
    """The kernel's table, or nothing."""
    table = tmp_path / "wireless"
    assert machine._wifi_rssi(table) is None
    table.write_text("Inter-| sta\n face | tus\n")
    assert machine._wifi_rssi(table) is None
    table.write_text("Inter-| sta\n face | tus\n wlan0: 0000   54.  -56.  -256        0\n")
    assert machine._wifi_rssi(table) == -56


def test_failures_are_counted_by_component_and_no_text_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log only the names of its components and how often they failed."""
    (tmp_path / "syslog").write_text(
        "2026-11-22T08:00:00.1+00:00 host sshd[7]: error: Could not load key of alice@example.org\n"
        "Nov 22 08:00:01 host sshd[7]: Failed password for alice\n"
        "Nov 22 08:00:02 host kernel: usb 1-1: device descriptor read failed\n"
        "Nov 22 08:00:03 host cron[9]: all is well\n"
    )
    monkeypatch.setattr(machine, "SOURCES", {"a file": lambda: machine._log_files(tmp_path)})
    found = machine.system_failures()
    assert found.source == "a file"
    assert {reading["component"]: reading["count"] for reading in found.readings} == {"sshd": 2, "kernel": 1}
    assert "alice" not in str(found)


def test_without_a_readable_log_there_are_no_failures_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence about failures must not look like health."""
    monkeypatch.setattr(machine, "SOURCES", {"a file": lambda: machine._log_files(tmp_path)})
    found = machine.system_failures()
    assert found.readings == []
    assert found.source.startswith("none")
    assert "none" in machine.event_log(found)["message"]


@pytest.mark.parametrize(
    ("line", "component"),
    [
        ("[    1.234567] usb 1-1: device descriptor read/64, error -71", "usb"),
        ("EXT4-fs error (device sda1): ext4_lookup", "EXT4-fs"),
        ("[    0.000000] [Firmware Bug]: TSC doesn't count", None),
    ],
)
def test_the_kernel_names_the_component_first(line: str, component: str | None) -> None:
    """Lines that don't are left out."""
    found = machine.KERNEL_LINE.match(line)
    assert (found and found["component"]) == component


def test_many_components_are_cut_to_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sick machine must not flood its message."""

    def many() -> Iterator[str]:
        return iter(["worst", "worst", *(f"part{number}" for number in range(100))])

    monkeypatch.setattr(machine, "SOURCES", {"many": many})
    readings = machine.system_failures().readings
    assert len(readings) == machine.FAILURES_AT_MOST
    assert readings[0]["component"] == "worst"
