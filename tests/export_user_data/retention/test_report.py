"""The report of retention: how old the oldest of each kind is, and what is past its time."""

import json
from functools import partial

import pytest

from export_user_data.retention.contract import RecordAges, RetentionReport
from export_user_data.retention.figures import KIND, kinds, look_at_record, start_report
from export_user_data.retention.report import retention_report
from ingest_telemetry.storing import store_events
from shared.cosmos import declared
from shared.data_map import CATEGORIES
from shared.errors import Problem
from shared.jobs import Lease, Stepped, run_job
from tests.doubles import RecordingHub
from tests.export_user_data.retention.conftest import Years
from tests.owned import Owned

pytestmark = pytest.mark.wire


async def reported(years: Years) -> RetentionReport:
    database, clock = years.house.database, years.house.clock
    job = await start_report(database=database, hub=RecordingHub(), now=clock())
    step = partial(look_at_record, database=database)
    end = await run_job(job["jobId"], {KIND: step}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    assert end in {"done", "nothing to do"}
    return await retention_report(None, statistics=database["statistics"])


def ages(report: RetentionReport, record: str, container: str = "devices") -> RecordAges:
    [found] = [
        one
        for category in report.categories
        for one in category.records
        if (one.container, one.record) == (container, record)
    ]
    return found


async def test_before_the_first_report_there_is_none(years: Years) -> None:
    """Which is an answer, and so is a day without one; but not a day that is none."""
    statistics = years.house.database["statistics"]
    for day in (None, "2020-02-29"):
        assert (await retention_report(day, statistics=statistics)).categories == []
    with pytest.raises(Problem, match="date_invalid"):
        await retention_report("yesterday", statistics=statistics)


async def test_every_kind_of_item_is_in_the_report_under_its_category(years: Years) -> None:
    """With its retention and what becomes of it then, also when there is none."""
    report = await reported(years)
    assert [category.category for category in report.categories] == [category.value for category in CATEGORIES]
    found = [(one.container, one.record) for category in report.categories for one in category.records]
    assert sorted(found) == sorted((container, name) for container, name, _ in kinds())
    firmware = ages(report, "firmwareVersion")
    assert (firmware.retention_days, firmware.on_expiry, firmware.items, firmware.oldest) == (730, "block", 0, None)
    assert ages(report, "usageReadings", "telemetry").items is None


async def test_a_report_that_fails_is_tried_again(years: Years) -> None:
    """It keeps what kind of fault it was."""
    database, clock = years.house.database, years.house.clock
    job = await start_report(database=database, hub=RecordingHub(), now=clock())

    async def broken(_lease: Lease) -> Stepped:
        raise ConnectionError("no database")

    end = await run_job(job["jobId"], {KIND: broken}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    assert end == "failed, to be tried again"
    kept = await database["jobs"].read(job["jobId"], job["jobId"])
    assert kept is not None
    assert kept["failure"] == "ConnectionError"
    years.house.clock.forward(minutes=1)
    assert (await reported(years)).categories != []


async def test_the_oldest_item_is_told_and_nothing_of_anybody(years: Years) -> None:
    """With a retention or without one, per kind and per category."""
    first = years.house.clock()
    access = await years.house.pair("maria")
    years.pass_by(days=100)
    await years.house.pair("jordi", "VEO-000002")
    owned = await Owned(years.house.database, years.house.clock, "o" * 32).begin()
    await store_events([owned.event()], database=years.house.database)
    report = await reported(years)
    firmware = ages(report, "firmwareVersion")
    assert (firmware.items, firmware.oldest, firmware.overdue, firmware.kept) == (2, first, 0, 0)
    assert ages(report, "person", "people").oldest == first
    assert ages(report, "device").items == 2
    assert ages(report, "usageReadings", "telemetry").oldest == years.house.clock()
    by_category = {category.category: category.oldest for category in report.categories}
    assert by_category["device"] == by_category["person"] == first
    written = json.dumps(report.model_dump(mode="json"))
    assert not [value for value in ("maria", access.device_id, "VEO-0") if value in written]


async def test_what_is_overdue_is_told_apart_from_what_is_kept(years: Years, caplog: pytest.LogCaptureFixture) -> None:
    """The one is an alarm, the other is as it should be."""
    await years.house.pair("maria")
    await years.house.pair("maria", "VEO-000002")
    years.pass_by(days=730, hours=23)
    assert ages(await reported(years), "firmwareVersion").overdue == 0
    [item, _] = await years.items("devices", "firmwareVersion")
    await years.house.database["devices"].replace(declared(item) | {"ttl": -1}, item["_etag"])
    years.pass_by(hours=25)
    assert "ALARM" not in caplog.text
    found = ages(await reported(years), "firmwareVersion")
    assert (found.overdue, found.kept) == (1, 1)
    assert "ALARM retention_overdue: 1 items" in caplog.text


async def test_a_day_is_reported_once_and_kept(years: Years) -> None:
    """However often the timer runs; each day by its date."""
    await reported(years)
    first = await reported(years)
    assert first.date is not None
    years.pass_by(days=1)
    second = await reported(years)
    statistics = years.house.database["statistics"]
    assert second.date == years.house.clock().date().isoformat()
    assert await retention_report(first.date, statistics=statistics) == first
