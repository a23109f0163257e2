import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.hostjson import HostJson, read_host_json
from local.host.settings import connection_string, effective_settings, read_local_settings, resolve
from local.serving import CannotStart

REPOSITORY = Path(__file__).parents[3]


def host_json(directory: Path, content: Any) -> HostJson:
    (directory / "host.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return read_host_json(directory)


def test_the_service_has_a_readable_host_json() -> None:
    """What the service itself configures is what this host reads."""
    read = read_host_json(REPOSITORY)
    assert read.function_timeout == timedelta(minutes=5)
    assert read.extensions.event_hubs.max_wait_time == timedelta(seconds=2)
    assert read.extensions.event_hubs.min_event_batch_size <= read.extensions.event_hubs.max_event_batch_size


def test_defaults_and_unknown_keys(tmp_path: Path) -> None:
    """Keys for other hosts are tolerated, and what is left out has the real host's default."""
    read = host_json(tmp_path, {"version": "2.0", "concurrency": {}, "extensions": {"queues": {}, "http": {"hsts": 1}}})
    assert read.extensions.http.route_prefix == "api"
    assert read.extensions.event_hubs.max_event_batch_size == 100
    assert read.function_timeout == timedelta(minutes=30)


def test_without_time_limit(tmp_path: Path) -> None:
    """A function timeout of -1 is none."""
    assert host_json(tmp_path, {"version": "2.0", "functionTimeout": "-1"}).function_timeout is None


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "not JSON"),
        ({}, "version"),
        ({"version": "1.0"}, "version"),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "functionTimeout.*is no time span"),
        ({"version": "2.0", "extensions": {"eventHubs": {"maxEventBatchSize": 0}}}, "maxEventBatchSize"),
        ({"version": "2.0", "extensions": {"eventHubs": {"minEventBatchSize": 200}}}, "must not exceed"),
        (
            {"version": "2.0", "extensions": {"eventHubs": {"initialOffsetOptions": {"type": "fromEnqueuedTime"}}}},
            "needs enqueuedTimeUtc",
        ),
    ],
)
def test_wrong_host_json(tmp_path: Path, content: Any, named: str) -> None:
    """A wrong value is named with the path of its key."""
    with pytest.raises(CannotStart, match=named):
        host_json(tmp_path, content)


def test_missing_host_json(tmp_path: Path) -> None:
    """A directory without host.json is no function app."""
    with pytest.raises(CannotStart, match="is missing"):
        read_host_json(tmp_path)


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over local.settings.json, and what is given explicitly over both."""
    values = {"A": "file", "B": "file", "C": "file", "N": 5, "T": True}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values, "Host": {"LocalHttpPort": 7999}}))
    monkeypatch.setenv("B", "environment")
    monkeypatch.setenv("C", "environment")
    local = read_local_settings(tmp_path)
    merged = effective_settings(local.values, {"C": "given"})
    assert local.port == 7999
    assert [merged[name] for name in "ABCNT"] == ["file", "environment", "given", "5", "true"]
    assert merged["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[", "not JSON"),
        ("[]", "must be an object"),
        ('{"IsEncrypted": true, "Values": {}}', "is encrypted"),
        ('{"Values": {"A": {"B": "C"}}}', "setting 'A'"),
        ('{"Host": {"LocalHttpPort": "seven"}}', "must be a number"),
    ],
)
def test_wrong_settings_file(tmp_path: Path, content: str, named: str) -> None:
    """A settings file that would be read wrongly is refused."""
    (tmp_path / "local.settings.json").write_text(content)
    with pytest.raises(CannotStart, match=named):
        read_local_settings(tmp_path)


def test_expressions() -> None:
    """An expression takes the value of the setting, and one without a setting is named with its place."""
    assert resolve("a-%X%-%Y%", {"X": "1", "Y": "2"}, where="here") == "a-1-2"
    with pytest.raises(CannotStart, match="here: there is no setting 'X'"):
        resolve("%X%", {}, where="here")


def test_connections() -> None:
    """A connection is a connection string; an identity-based one is refused as such."""
    assert connection_string({"Hub": "Endpoint=x"}, "Hub", where="here") == "Endpoint=x"
    with pytest.raises(CannotStart, match="no setting 'Hub'"):
        connection_string({}, "Hub", where="here")
    with pytest.raises(CannotStart, match="identity-based"):
        connection_string({"Hub__fullyQualifiedNamespace": "x"}, "Hub", where="here")


def test_a_setting_replaces_a_value_of_host_json(tmp_path: Path) -> None:
    """As in the real host: the rest of its name is the path to the value."""
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"eventHubs": {"maxEventBatchSize": 7}}}')
    name = "AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval"
    hubs = read_host_json(tmp_path, {name: "00:00:05", "OTHER": "x"}).extensions.event_hubs
    assert (hubs.max_event_batch_size, hubs.partition_ownership_expiration_interval.total_seconds()) == (7, 5)
