"""Counters: how often something was refused, and why. They name nobody, and are gone after a month.

Each worker process counts in memory and writes an item of its own per hour, at most every few seconds: a flood of
refusals costs the database no more than one of them. What a process that is killed had not yet written is lost, a few
seconds of it; these are figures for people to look at, and nothing is decided by them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from shared import clock, data_map
from shared.errors import Problem

if TYPE_CHECKING:
    from shared.cosmos import Container

Counted = Literal[
    "attestation.malformed",  # the header is no signature at all
    "attestation.unknown_group",
    "attestation.wrong_signature",
    "attestation.forged_challenge",  # the challenge is none of ours
    "attestation.expired_challenge",
    "attestation.foreign_serial",  # the challenge was another monitor's
    "attestation.replay",
    "attestation.other_group",  # the monitor was enrolled in another group
    "attestation.revoked",
    "claim.unknown",
    "claim.too_many_tries",
    "quarantine.unattributable",  # an event that names no ownership
    "quarantine.properties_unreadable",
    "quarantine.body_unreadable",  # no JSON
    "quarantine.schema_version_unknown",
    "quarantine.schema_unreadable",
    "quarantine.unreadable",  # reading it failed by a fault of ours
    "quarantine.undecidable",  # and so did deciding about it
    "quarantine.message_id_reused",
    "quarantine.store_refused",  # the store does not take it as readings
    "quarantine.not_kept",  # the quarantine is full, and no gateway has stamped it
    "quarantine.lost",  # the store does not even take it in quarantine
    "staff.person_unknown",  # staff looked for somebody who is not there
    "registration.field_ignored",  # device data that is not declared, dropped
    "telemetry.field_dropped",  # a field of a reading that is not declared
    "telemetry.text_scrubbed",  # a text of a reading that held something personal, which was taken out
    "telemetry.quota_exceeded",  # messages of a monitor that sends too many
    # readings that the gateway rejected
    "gateway.category_not_open",
    "gateway.field_missing",
    "gateway.field_out_of_range",
    "gateway.field_wrong_type",
    "gateway.observed_in_future",
    "gateway.outside_ownership",
    "gateway.reading_kind_unknown",
    # readings that were accepted, and that the gate did not let be stored
    "gate.category_not_open",
    "gate.erased",
    "gate.no_gate",
    "gate.observed_in_future",
    "gate.outside_ownership",
]
"""Everything that is counted: a closed list, so that nothing that a caller sent gets into a counter's name."""

NAMES: Final[dict[str, Counted]] = {name: name for name in get_args(Counted)}

WRITE_EVERY_S: Final = 5.0
ALARM_FROM: Final = 100
"""So many of one name, counted by one worker in one hour, raise an alarm, and again at every tenfold."""

ALARMS: Final = {"attestation": "attestations_refused", "quarantine": "quarantine_flood"}
"""What raises one, by the first part of the name."""

_log = logging.getLogger("blue.counters")


class Counters:
    """What this worker process counted, and its item in the database."""

    def __init__(
        self, container: "Container", now: Callable[[], datetime], *, write_every_s: float = WRITE_EVERY_S
    ) -> None:
        """Begin with nothing counted."""
        self._container = container
        self._now = now
        self._write_every_s = write_every_s
        self._worker = token_hex(8)
        self._hours: dict[datetime, Counter[str]] = {}
        self._unwritten: set[datetime] = set()
        self._writing: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    def add(self, name: Counted, count: int = 1) -> None:
        """Count something; it is written soon, by the loop that runs."""
        hour = self._hour()
        counts = self._hours.setdefault(hour, Counter())
        before = counts[name]
        counts[name] += count
        self._unwritten.add(hour)
        alarm = ALARMS.get(name.partition(".")[0])
        if alarm and counts[name] >= ALARM_FROM and len(str(counts[name])) > len(str(before)):
            _log.error("ALARM %s: %d in this hour, last %s", alarm, counts[name], name)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_until_done())

    def add_all(self, prefix: str, counts: Mapping[str, int]) -> None:
        """Count several things that are told apart by the last part of their names.

        Raises:
            KeyError: one of the names is not declared.
        """
        for name, count in counts.items():
            self.add(NAMES[f"{prefix}.{name}"], count)

    async def _write_until_done(self) -> None:
        while self._unwritten:
            try:
                await self.write()
            except Exception as error:  # noqa: BLE001 - the edge of a task that nobody awaits: what is unwritten stays so
                _log.warning("counters not written: %s", type(error).__qualname__)
            await asyncio.sleep(self._write_every_s)

    async def write(self) -> None:
        """Write what has changed; forget the hours that are over."""
        async with self._one_at_a_time:
            await self._write_all()

    async def _write_all(self) -> None:
        for hour in sorted(self._unwritten):
            self._unwritten.discard(hour)
            try:
                await self._write(hour, dict(self._hours[hour]))
            except BaseException:
                self._unwritten.add(hour)
                raise
        present = self._hour()
        self._hours = {hour: kept for hour, kept in self._hours.items() if hour >= present or hour in self._unwritten}

    def _hour(self) -> datetime:
        return self._now().replace(minute=0, second=0, microsecond=0)

    async def _write(self, hour: datetime, counts: dict[str, int]) -> None:
        retention, day = data_map.retention("counters", "counts"), hour.date().isoformat()
        item: dict[str, Any] = {
            "id": f"{hour.hour:02}:{self._worker}",
            "type": "counts",
            "day": day,
            "begunAt": clock.text(hour),
            "counts": counts,
            "expiresAt": clock.text(hour + retention),
            "ttl": max(1, int((hour + retention - self._now()).total_seconds())),
        }
        known = await self._container.read(day, item["id"])
        await (self._container.create(item) if known is None else self._container.replace(item, known["_etag"]))

    async def close(self) -> None:
        """Write the rest; a store that is away is not waited for."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        try:
            await self.write()
        except Exception as error:  # noqa: BLE001 - the process ends, and figures are not worth failing for
            _log.warning("counters not written: %s", type(error).__qualname__)


async def counted_on(
    asked: str | None, *, counters: "Container", now: datetime
) -> tuple[str, dict[str, dict[str, int]]]:
    """A day (`2026-11-22`), today when none is asked for, and the counts of all workers on it by hour (`09`) and name.

    Raises:
        Problem: field_out_of_range, when it is no day.
    """
    try:
        day = (date.fromisoformat(asked) if asked is not None else now.date()).isoformat()
    except ValueError:
        raise Problem("field_out_of_range") from None
    by_hour: dict[str, Counter[str]] = {}
    async for item in counters.query("SELECT c.begunAt, c.counts FROM c", partition=day):
        hour = f"{clock.moment(item['begunAt']).hour:02}"
        by_hour.setdefault(hour, Counter()).update(item["counts"])
    return day, {hour: dict(sorted(counts.items())) for hour, counts in sorted(by_hour.items())}
