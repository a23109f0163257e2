"""The measured process: an app in Microsoft's runtime, and batches of the hub that were made before.

`python -m tests.bench.worker APP FUNCTION COSMOS FILE` runs the function on every batch of FILE, a JSON document a line
(`{"phase": ..., "events": [[body, properties], ...]}`), and prints what each phase took. Processor time is that of the
invocations: Microsoft's converter, the function and its client of the database. Making the batches, which the host
does outside of Python, is not counted.
"""

import asyncio
import gc
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from azure.eventhub import EventData

from local.host import eventdata, logs
from local.host.server import FunctionsHost

SOURCE = eventdata.Source("127.0.0.1", "telemetry", "$Default", "0")


def usage(cosmos: str, method: str) -> dict[str, Any]:
    """Ask for the totals of the database, or begin them anew."""
    asked = urllib.request.Request(f"{cosmos.rstrip('/')}/_local/usage", method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return dict(json.loads(answer.read() or b"{}"))


def totals(cosmos: str) -> dict[str, float]:
    """Requests and request units of the containers since the last reset."""
    used = [one for name, one in usage(cosmos, "GET")["containers"].items() if name != "account"]
    return {"requests": sum(one["requests"] for one in used), "ru": sum(one["requestUnits"] for one in used)}


def batches(file: Path) -> Iterator[tuple[str, list[EventData]]]:
    """Each batch with the phase that it belongs to."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            batch = json.loads(line)
            yield batch["phase"], [_event(body, properties) for body, properties in batch["events"]]


def _event(body: str, properties: dict[str, str]) -> EventData:
    event = EventData(body)
    event.properties.update(properties)
    return event


async def measured(app: Path, function_name: str, cosmos: str, file: Path) -> dict[str, dict[str, float]]:
    """What each phase took."""
    phases: dict[str, dict[str, float]] = {}
    process, current = psutil.Process(), ""
    host = FunctionsHost(app, port=0, triggers=False)
    logs.configure({"default": "Information"}, host.running)
    async with host:
        function = host.function(function_name)
        for phase, events in batches(file):
            eventdata.stamp(events)
            arrived = eventdata.batch(events, SOURCE, getattr(function.trigger, "data_type", ""))
            if phase != current:
                if current:
                    _add(phases[current], totals(cosmos))
                gc.collect()
                usage(cosmos, "DELETE")
                current = phase
                phases.setdefault(phase, {"cpu_s": 0.0, "events": 0})
            began = time.process_time()
            outcome = await host._invocations.run(function, arrived.data, arrived.metadata)
            phases[phase]["cpu_s"] += time.process_time() - began
            phases[phase]["events"] += len(events)
            phases[phase]["memory_mb"] = process.memory_info().rss / 2**20
            if not outcome.has_succeeded:
                raise RuntimeError(outcome.error)
        _add(phases[current], totals(cosmos))
    return phases


def _add(phase: dict[str, float], spent: dict[str, float]) -> None:
    for name, value in spent.items():
        phase[name] = phase.get(name, 0) + value


if __name__ == "__main__":
    app_directory, name, endpoint, lines = sys.argv[1:]
    print(json.dumps(asyncio.run(measured(Path(app_directory), name, endpoint.rstrip("/"), Path(lines)))))
