"""What the app does to its process when it opens its services."""

import contextlib
import logging

import pytest
from azure.core.settings import settings as azure_settings

from shared.services import open_services
from shared.settings import SettingsUnusable


async def test_the_clients_log_no_line_per_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their addresses hold ids; the worker's own level would let them through."""
    monkeypatch.delenv("BLUE_COSMOS_ENDPOINT", raising=False)
    logging.getLogger("azure").setLevel(logging.NOTSET)
    with contextlib.suppress(SettingsUnusable):
        await open_services()
    assert logging.getLogger("azure.core.pipeline.policies.http_logging_policy").getEffectiveLevel() == logging.WARNING


async def test_the_clients_trace_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of spans would hold the same ids, whatever the environment asks for."""
    monkeypatch.delenv("BLUE_COSMOS_ENDPOINT", raising=False)
    monkeypatch.setenv("AZURE_TRACING_ENABLED", "true")
    azure_settings.tracing_enabled.unset_value()
    assert azure_settings.tracing_enabled()
    with contextlib.suppress(SettingsUnusable):
        await open_services()
    assert not azure_settings.tracing_enabled()
