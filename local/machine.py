"""Performance readings of the machine that this runs on, in the words of the telemetry interface."""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from local.outbox import Reading, timestamp

MEBIBYTE: Final = 1024 * 1024
FAILURES_AT_MOST: Final = 20
LOG_LINES: Final = 2000
LOG_FILES: Final = ("syslog", "messages", "kern.log", "dmesg")
COMPONENT: Final = re.compile(r"[A-Za-z][\w.@-]{0,39}")
KERNEL_LINE: Final = re.compile(r"^(?:\[[^\]]*\]\s*)?(?P<component>[A-Za-z][\w.-]*)(?=[ :\[])")
SYSLOG_FAILURE: Final = re.compile(
    r"^\S+\s+(?:\d+\s+\S+\s+)?\S+\s+(?P<component>[A-Za-z][\w.@-]*)(?:\[\d+\])?:.*\b(?:error|fail(?:ed|ure)|fatal)\b",
    re.IGNORECASE,
)


def system_health() -> Reading:
    """Processor, memory, temperature where there is a sensor, uptime and storage; takes a tenth of a second."""
    memory = psutil.virtual_memory()
    reading: Reading = {
        "kind": "system_health",
        "observedAt": timestamp(),
        "cpuPercent": psutil.cpu_percent(interval=0.1),
        "memoryUsedMb": round(memory.used / MEBIBYTE),
        "memoryTotalMb": round(memory.total / MEBIBYTE),
        "uptimeS": int(time.time() - psutil.boot_time()),
        "storageFreeMb": round(psutil.disk_usage("/").free / MEBIBYTE),
    }
    optional = {"temperatureC": _temperature(), "wifiRssiDbm": _wifi_rssi()}
    return reading | {name: value for name, value in optional.items() if value is not None}


def _temperature() -> float | None:
    """The hottest sensor; many machines, and all virtual ones, have none."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}  # not on every system
    measured = [sensor.current for group in sensors.values() for sensor in group if sensor.current]
    return round(max(measured), 1) if measured else None


def _wifi_rssi(wireless: Path = Path("/proc/net/wireless")) -> int | None:
    """Signal level of the first Wi-Fi interface in dBm."""
    try:
        lines = wireless.read_text().splitlines()[2:]
    except OSError:
        return None
    return int(float(lines[0].split()[3])) if lines else None


class Failures(NamedTuple):
    """Recent system failures, counted by component, and where they were found."""

    source: str
    readings: list[Reading]


def system_failures() -> Failures:
    """What the machine's log of this boot calls an error, from the first log that can be read.

    Only component and count leave the machine: a log's text can hold anything, names of people included.
    """
    for source, components in SOURCES.items():
        found = components()
        if found is not None:
            return Failures(source, _counted(found))
    return Failures("none: no system log of this machine can be read", [])


def _counted(components: Iterator[str]) -> list[Reading]:
    named = Counter(component for component in components if COMPONENT.fullmatch(component))
    return [
        {"kind": "system_failure", "observedAt": timestamp(), "component": component, "count": count}
        for component, count in named.most_common(FAILURES_AT_MOST)
    ]


def _output(*command: str) -> list[str] | None:
    """Lines of a command's output; None when it is not there, may not be used, or says nothing at all."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=5, check=False)  # noqa: S603  fixed commands
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.splitlines()[-LOG_LINES:] if done.returncode == 0 else None


def _journal() -> Iterator[str] | None:
    lines = _output("journalctl", "--boot", "--priority=err", "--output=json", "--no-pager", f"--lines={LOG_LINES}")
    if not lines:  # without a journal, or without the right to read it, there is nothing
        return None
    entries = (json.loads(line) for line in lines)
    return (str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "unknown") for entry in entries)


def _kernel() -> Iterator[str] | None:
    lines = _output("dmesg", "--level=emerg,alert,crit,err")
    if lines is None:
        return None
    return (found["component"] for line in lines if (found := KERNEL_LINE.match(line)))


def _log_files(directory: Path = Path("/var/log")) -> Iterator[str] | None:
    for name in LOG_FILES:
        try:
            lines = (directory / name).read_text(errors="replace").splitlines()[-LOG_LINES:]
        except OSError:
            continue
        return (found["component"] for line in lines if (found := SYSLOG_FAILURE.match(line)))
    return None


SOURCES: Final[dict[str, Callable[[], Iterator[str] | None]]] = {
    "the system journal": _journal,
    "the kernel's messages": _kernel,
    "/var/log": _log_files,
}


def event_log(failures: Failures) -> Reading:
    """One line about the failures, for the event log."""
    count = sum(reading["count"] for reading in failures.readings)
    return {
        "kind": "event_log",
        "observedAt": timestamp(),
        "level": "warning" if count else "info",
        "message": f"{count} errors of {len(failures.readings)} components since start; source: {failures.source}",
    }
