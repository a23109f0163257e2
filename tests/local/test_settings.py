"""App settings: the sample, what is written from it, and who could read it."""

import json
import re
import stat
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from local import keys, settings
from local.prerequisites import ROOT
from local.resources import Resources
from local.settings import SAMPLE, Addresses, app_settings, event_hubs_connection, values

SETS = ("Values", "_valuesForEmulators", "_valuesForAzure")
MADE = {"BLUE_IDENTITY_KEY", "BLUE_DEVICE_TOKEN_KEYS", "BLUE_EXPORT_KEYS", "BLUE_VAULT_KEYS", "BLUE_ENROLMENT_GROUPS"}


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(SAMPLE.read_text())
    return content


def arguments(*words: str) -> Namespace:
    parser = ArgumentParser()
    settings.add_arguments(parser)
    return parser.parse_args(words)


def test_the_sample_is_what_core_tools_reads(sample: dict[str, Any]) -> None:
    """Core Tools takes strings only, and treats a file that it can't parse as encrypted and empty."""
    assert sample["IsEncrypted"] is False
    assert all(isinstance(value, str) for name in SETS for value in sample[name].values())
    assert sample["Host"] == {"LocalHttpPort": 7071}
    assert {name for name in sample if not name.startswith("_")} == {"IsEncrypted", "Values", "Host"}


def test_every_setting_in_the_sample_is_explained_and_no_other(sample: dict[str, Any]) -> None:
    """A setting can't be added without saying what it is."""
    assert {name for each in SETS for name in sample[each]} == set(sample["_about"]) - {""}


def test_the_sample_holds_no_key_of_ours(sample: dict[str, Any]) -> None:
    """Keys are made for a machine, or lie in Key Vault."""
    for name in MADE:
        assert sample["Values"][name] == sample["_valuesForEmulators"][name] == "<made by `python -m local settings`>"
        assert sample["_valuesForAzure"][name].startswith("@Microsoft.KeyVault(SecretUri=")
    assert not any("Key=" in value for value in sample["_valuesForAzure"].values())


def test_the_sample_is_for_the_usual_ports(sample: dict[str, Any]) -> None:
    """What the sample says about addresses is what a local cloud on its default ports has."""
    assert sample["Values"] == sample["Values"] | Addresses().settings()


def test_a_local_cloud_sets_everything_and_leaves_nothing_to_fill_in() -> None:
    """No placeholder reaches the app."""
    made = app_settings(Addresses(), keys.development_keys())
    assert set(made) == set(values())
    assert not any("<" in value for value in made.values())


def test_made_keys_say_that_they_are_for_development() -> None:
    """A deployed app refuses them by their ids."""
    made = keys.development_keys()
    assert set(made) == MADE
    for name in ("BLUE_DEVICE_TOKEN_KEYS", "BLUE_EXPORT_KEYS"):
        (jwk,) = json.loads(made[name])["keys"]
        assert jwk["kid"].startswith("dev-")
        jwt.PyJWK(jwk)
    (jwk,) = json.loads(made["BLUE_VAULT_KEYS"])["keys"]
    assert jwk["kid"].startswith("dev-")


def test_keys_are_kept_and_a_new_kind_is_added(tmp_path: Path) -> None:
    """A kept key never changes; a file from before a setting existed gets that key only."""
    file = tmp_path / "keys.json"
    first = keys.kept(file)
    assert keys.kept(file) == first
    file.write_text(json.dumps({"BLUE_IDENTITY_KEY": "kept"}))
    assert keys.kept(file)["BLUE_IDENTITY_KEY"] == "kept"
    assert set(json.loads(file.read_text())) == MADE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("address", ["127.0.0.1:5673", "sb://127.0.0.1:5673", "amqp://127.0.0.1:5673/"])
def test_the_hubs_connection_string_takes_any_way_to_say_the_address(address: str) -> None:
    """The endpoint's own announcement is enough."""
    assert event_hubs_connection(address).startswith("Endpoint=sb://127.0.0.1:5673;")
    assert "UseDevelopmentEmulator=true" in event_hubs_connection(address)


@pytest.mark.parametrize("value_set", ["local-cloud", "emulators"])
async def test_the_written_file_has_keys_and_is_private(tmp_path: Path, value_set: str) -> None:
    """`python -m local settings` writes a file that works as it is, for this user only."""
    file = tmp_path / "local.settings.json"
    assert await settings.run(arguments("--output", str(file), "--set", value_set, "--data", str(tmp_path))) == 0
    written = json.loads(file.read_text())
    assert written["Values"] == written["Values"] | keys.kept(tmp_path / "keys.json")  # as the local cloud has them
    assert set(written) == {"IsEncrypted", "Values", "Host"}
    assert not any("<" in value for value in written["Values"].values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_written_file_is_not_replaced_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What somebody wrote into it would be lost; --force means it."""
    file = tmp_path / "local.settings.json"
    file.write_text("{}")
    where = ("--output", str(file), "--data", str(tmp_path))
    assert await settings.run(arguments(*where)) == 2
    assert file.read_text() == "{}"
    assert "--force" in capsys.readouterr().err
    assert await settings.run(arguments(*where, "--force")) == 0
    assert file.read_text() != "{}"


def test_the_compose_file_names_the_emulators_on_the_ports_that_the_settings_expect(sample: dict[str, Any]) -> None:
    """Every address in the emulators' value set is a published port of loopback."""
    compose = yaml.safe_load((ROOT / "local" / "compose.yaml").read_text())
    published = [port for service in compose["services"].values() for port in service["ports"]]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    listening = {port.split(":")[1] for port in published}
    wanted = {"5672"} | set(re.findall(r"127\.0\.0\.1:(\d+)", " ".join(sample["_valuesForEmulators"].values())))
    assert wanted - {"8090", "1025", "8091"} <= listening  # sign-in, mail and the recipient are our own
    images = {service["image"].rpartition(":")[0] for service in compose["services"].values()}
    assert images == {
        "mcr.microsoft.com/azure-messaging/eventhubs-emulator",
        "mcr.microsoft.com/azure-storage/azurite",
        "mcr.microsoft.com/cosmosdb/linux/azure-cosmos-emulator",
    }


def test_the_emulators_hubs_are_the_services_hubs() -> None:
    """Names, partitions and groups agree with shared/resources.json; `$Default` is there without being named."""
    config = json.loads((ROOT / "local" / "eventhubs-emulator.json").read_text())
    (namespace,) = config["UserConfig"]["NamespaceConfig"]
    assert namespace["Name"] == "emulatorNs1"
    have = {
        hub["Name"]: (hub["PartitionCount"], {group["Name"] for group in hub.get("ConsumerGroups", [])})
        for hub in namespace["Entities"]
    }
    want = {
        hub.name: (str(hub.partitions), set(hub.consumer_groups) - {"$Default"}) for hub in Resources.load().event_hubs
    }
    assert have == want


def test_a_property_of_a_resource_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """A policy that local start-up would leave out silently is no policy."""
    file = tmp_path / "resources.json"
    content = json.loads((ROOT / "shared" / "resources.json").read_text())
    content["cosmosContainers"][0]["analyticalTtl"] = 1
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="analyticalTtl"):
        Resources.load(file)
