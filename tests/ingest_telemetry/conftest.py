"""Ownerships to store under; and what the gateway rejects in receipts counts as reached, like a problem."""

import pytest

from ingest_telemetry import gateway
from ingest_telemetry.contract import ReadingReceipt
from shared.cosmos import Database
from tests.conftest import SettableClock
from tests.observed import OBSERVED
from tests.owned import Owned


@pytest.fixture(autouse=True)
def _rejections_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = gateway._rejected

    def noted(index: int, code: str, pointer: str | None) -> ReadingReceipt:
        OBSERVED.codes.add(code)
        return rejected(index, code, pointer)

    monkeypatch.setattr(gateway, "_rejected", noted)


@pytest.fixture
async def owned(database: Database, clock: SettableClock) -> Owned:
    return await Owned(database, clock, "ownership-a").begin()


@pytest.fixture
async def other(database: Database, clock: SettableClock) -> Owned:
    return await Owned(database, clock, "ownership-b").begin()
