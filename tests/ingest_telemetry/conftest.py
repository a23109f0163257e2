"""What the gateway rejects in receipts counts as reached, like a problem."""

import pytest

from ingest_telemetry import gateway
from ingest_telemetry.contract import ReadingReceipt
from tests.observed import OBSERVED


@pytest.fixture(autouse=True)
def _rejections_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = gateway._rejected

    def noted(index: int, code: str, pointer: str | None) -> ReadingReceipt:
        OBSERVED.codes.add(code)
        return rejected(index, code, pointer)

    monkeypatch.setattr(gateway, "_rejected", noted)
