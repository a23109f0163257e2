"""Annotations: a reading stays as it was sent; what is said of it lies beside it, and no figure counts it."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from export_user_data.rectification import annotations
from export_user_data.rectification.annotations import Desk, annotate, list_annotations, remove_annotation
from export_user_data.rectification.contract import Annotation, AnnotationRequest
from export_user_data.stream import Asked, stream_page
from export_user_data.waiting import WaitingRoom
from export_user_data.walk import held_about
from ingest_telemetry.statistics.counting import count_ownership
from ingest_telemetry.statistics.figures import Counts
from shared.clock import text
from shared.cosmos import Item
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point, listening
from tests.doubles import RecordingHub, changed
from tests.export_user_data.owned import Home
from tests.export_user_data.rectification.conftest import Office
from tests.hosts import cut_off
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

OFFSET = timedelta(seconds=90)


class Readings:
    """Two calls of yesterday, by a monitor whose clock is behind, and one who says what is not right."""

    def __init__(self, home: Home, office: Office) -> None:
        self.home = home
        self.office = office
        self.hub = RecordingHub()
        self.desk = Desk(database=home.database, hub=self.hub, webhooks=office.means.webhooks)
        self.observed_at = home.clock() - timedelta(days=1)
        self.message_id = ""

    async def store(self) -> "Readings":
        behind = self.observed_at - OFFSET
        event = await self.home.event(
            self.home.call(behind),
            self.home.call(behind + timedelta(minutes=5)),
            self.home.health(behind),
            offset=OFFSET,
        )
        await self.home.store(event)
        [item] = [one async for one in self.home.database["telemetry"].query(_USAGE, partition=self.ownership_id)]
        self.message_id = item["messageId"]
        return self

    @property
    def ownership_id(self) -> str:
        return self.home.access.ownership_id

    @property
    def day(self) -> date:
        return self.observed_at.date()

    async def say(self, statement: str = "not_me", person: str = "maria", **changes: Any) -> Annotation:
        wanted = {
            "messageId": self.message_id,
            "kind": "call",
            "observedAt": text(self.observed_at),
            "statement": statement,
        }
        request = AnnotationRequest.model_validate_json(json.dumps(wanted | changes))
        return await annotate(person, self.home.access.device_id, request, desk=self.desk, now=self.home.clock())

    async def take_back(self, annotation_id: str, person: str = "maria") -> None:
        await remove_annotation(
            person, self.home.access.device_id, annotation_id, desk=self.desk, now=self.home.clock()
        )

    async def listed(self) -> list[Annotation]:
        found = await list_annotations("maria", self.home.access.device_id, database=self.home.database)
        return found.annotations

    async def counted(self) -> Counts | None:
        telemetry = self.home.database["telemetry"]
        found = await count_ownership(self.ownership_id, self.day, telemetry=telemetry, now=self.home.clock())
        return found[1] if found else None

    async def calls(self) -> int:
        """How many calls the figures of the day hold."""
        counts = await self.counted()
        return sum(count for name, count in (counts or {}).items() if "answered" in str(name))

    async def recomputed(self) -> list[str]:
        """The days of the computations that were started."""
        return [item["date"] for item in await self.office.stored("jobs", "usageFigures")]

    async def streamed(self) -> list[dict[str, Any]]:
        lines = await stream_page(
            "maria",
            Asked(device_id=self.home.access.device_id),
            database=self.home.database,
            key=IDENTITY_KEY,
            waiting=WaitingRoom(),
            now=self.home.clock,
        )
        return [line for line in map(json.loads, lines) if line["line"] == "reading"]

    async def items(self, record: str = "usageAnnotation") -> list[Item]:
        return await self.office.stored("telemetry", record)


_USAGE = "SELECT * FROM c WHERE c.type = 'usageReadings'"


@pytest.fixture
async def readings(office: Office) -> Readings:
    return await Readings(await Home.paired(office.hosts.house), office).store()


async def test_a_reading_said_wrong_is_left_out_of_the_figures(readings: Readings) -> None:
    """The open day is computed anew; the other reading of the message counts, and taken back both do."""
    assert await readings.calls() == 2
    said = await readings.say()
    assert await readings.calls() == 1
    assert await readings.recomputed() == [readings.day.isoformat()]
    await readings.take_back(said.annotation_id)
    assert await readings.calls() == 2
    assert len(await readings.recomputed()) == 2
    assert await readings.items() == []


@pytest.mark.parametrize("statement", ["not_me", "wrong_value", "wrong_time"])
async def test_whatever_is_not_right_does_not_count(readings: Readings, statement: str) -> None:
    """And the reading itself stays as the monitor sent it."""
    await readings.say(statement)
    assert await readings.calls() == 1
    assert len(await readings.streamed()) == 3


async def test_what_is_said_is_shown_beside_the_reading(readings: Readings) -> None:
    """In the stream, in the list and in the export, scrubbed of what is personal."""
    said = await readings.say("wrong_value", note="It was jordi@resident.example at the door")
    [beside] = [line["annotation"] for line in await readings.streamed() if "annotation" in line]
    assert beside["annotationId"] == said.annotation_id
    assert (beside["statement"], beside["note"]) == ("wrong_value", said.note)
    assert said.note is not None
    assert "jordi@" not in said.note
    assert await readings.listed() == [said]
    held = [one.record_name async for one in held_about("maria", database=readings.home.database)]
    assert held.count("usageAnnotation") == 1


async def test_it_is_told_once(readings: Readings) -> None:
    """Ledger, person and recipients; also when it is said twice."""
    await readings.say()
    await readings.say()
    assert await readings.office.recorded("maria") == [("reading_annotated", "person")]
    told = [kind for kind, _ in await readings.home.told("maria")]
    assert told.count("reading_annotated") == 1
    notices = await readings.office.stored("jobs", "recipientNotice")
    assert [(item["recipient"], item["state"]) for item in notices] == [("cloud_provider", "in_place")]
    assert len(await readings.recomputed()) == 1


async def test_something_else_said_takes_its_place(readings: Readings) -> None:
    """Of one reading there is one annotation; the figures are computed for each."""
    first = await readings.say("not_me")
    readings.home.clock.forward(minutes=5)
    second = await readings.say("wrong_time", note="An hour off")
    assert first.annotation_id == second.annotation_id
    [one] = await readings.listed()
    assert (one.statement, one.note) == ("wrong_time", "An hour off")
    assert len(await readings.recomputed()) == 2


async def test_performance_readings_are_annotated_too(readings: Readings) -> None:
    """They are in no figure, so nothing is computed; the annotation goes with its category."""
    said = await readings.say("wrong_value", kind="system_health", note="It is new")
    assert await readings.recomputed() == []
    [item] = await readings.items("performanceAnnotation")
    [reading] = await readings.office.stored("telemetry", "performanceReadings")
    assert item["expiresAt"] == reading["expiresAt"]
    await cut_off("annotation.withdrawn", readings.take_back(said.annotation_id))
    assert [line for line in await readings.streamed() if "annotation" in line] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"messageId": "00000000-0000-0000-0000-000000000000"},
        {"kind": "door_opening"},
        {"kind": "no_such_kind"},
        {"observedAt": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_reading_that_is_not_there_is_not_annotated(readings: Readings, changes: dict[str, str]) -> None:
    """Message, kind and time have to be those of one reading."""
    with pytest.raises(Problem, match="reading_unknown"):
        await readings.say(**changes)


async def test_a_stranger_annotates_nothing(readings: Readings) -> None:
    """Nor takes anything back; what is not there cannot be taken back by the owner either."""
    said = await readings.say()
    await readings.office.hosts.sign_in("jordi")
    for doing in (readings.say(person="jordi"), readings.take_back(said.annotation_id, "jordi")):
        with pytest.raises(Problem, match="device_not_yours"):
            await doing
    with pytest.raises(Problem, match="annotation_unknown"):
        await readings.take_back("0" * 32)


@pytest.mark.parametrize("at", ["annotation.stored", "annotation.recomputed", "recipients.queued"])
async def test_an_annotation_that_was_cut_off_is_completed_by_a_repeat(readings: Readings, at: Point) -> None:
    """One annotation, one computation, one entry."""
    await cut_off(at, readings.say())
    readings.home.clock.forward(minutes=1)
    await readings.say()
    assert len(await readings.items()) == 1
    assert len(await readings.recomputed()) == 1
    assert await readings.office.recorded("maria") == [("reading_annotated", "person")]


@pytest.mark.parametrize("at", ["annotation.withdrawn", "annotation.recomputed", "recipients.queued"])
async def test_a_removal_that_was_cut_off_is_completed_by_a_repeat(readings: Readings, at: Point) -> None:
    """It counts for nothing from the first moment on, and is gone in the end."""
    said = await readings.say()
    await cut_off(at, readings.take_back(said.annotation_id))
    assert await readings.calls() == 2
    assert await readings.listed() == []
    await readings.take_back(said.annotation_id)
    assert await readings.items() == []
    assert len(await readings.recomputed()) == 2
    assert await readings.office.recorded("maria") == [
        ("reading_annotated", "person"),
        ("annotation_removed", "person"),
    ]


async def test_what_was_being_taken_back_can_be_said_again(readings: Readings) -> None:
    """The last word counts."""
    said = await readings.say(note="Not us")
    await cut_off("annotation.withdrawn", readings.take_back(said.annotation_id))
    readings.home.clock.forward(minutes=1)
    await readings.say(note="Not us")
    assert await readings.calls() == 1


async def test_what_is_said_again_while_it_is_taken_back_stays(readings: Readings) -> None:
    """Who takes it back does not delete what was said since."""
    said = await readings.say()

    async def say_again(at: Point) -> None:
        if at == "annotation.withdrawn":
            await readings.say("wrong_time")

    with listening(say_again):
        await readings.take_back(said.annotation_id)
    assert [one.statement for one in await readings.listed()] == ["wrong_time"]


async def test_there_are_only_so_many(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation reads them all; one that is there may be said otherwise all the same."""
    monkeypatch.setattr(annotations, "LIMIT", 1)
    await readings.say()
    await readings.say("wrong_time")
    with pytest.raises(Problem, match="annotations_too_many"):
        await readings.say(observedAt=text(readings.observed_at + timedelta(minutes=5)))


async def test_nothing_is_said_of_what_was_erased(readings: Readings) -> None:
    """It is written behind the gate of the ownership."""
    telemetry = readings.home.database["telemetry"]
    await changed(telemetry, readings.ownership_id, lambda policy: replace(policy, tombstone=True))
    with pytest.raises(Erased):
        await readings.say()


async def test_one_that_is_being_taken_back_is_shown_no_more(readings: Readings) -> None:
    """Wherever its removal was cut off."""
    said = await readings.say()
    await cut_off("annotation.withdrawn", readings.take_back(said.annotation_id))
    assert await readings.listed() == []
    assert [line for line in await readings.streamed() if "annotation" in line] == []
