"""What a copy holds by access and what by portability; and what it says of the rest."""

import html
import json
import zipfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from export_user_data.recipients.disclosure import names_in_use
from export_user_data.verify import verify
from register_device.support_cases import open_case
from shared.data_map import CONTAINERS, RECIPIENTS, Source, record
from shared.data_map.copies import fields, left_out
from shared.templates import Language
from shared.webhooks import Webhooks
from shared.wording import said
from tests.conftest import SettableClock
from tests.export_user_data.copies import Copies
from tests.export_user_data.owned import Home
from tests.people import House

pytestmark = pytest.mark.wire


async def living(house: House, country: str, serial: str = "VEO-000001") -> Home:
    """A monitor with readings of both categories, and a support case with a log."""
    home = await Home.paired(house, "maria", serial, country=country)
    await open_case(
        "maria", home.access.device_id, 7, log="ringing", database=house.database, journal=house.journal,
        now=house.clock(),
    )  # fmt: skip
    house.clock.forward(seconds=1)
    await home.messages(3)
    return home


class Opened:
    """A copy that verifies, opened."""

    def __init__(self, path: Path, keys: dict[str, Any]) -> None:
        """Read it."""
        self.manifest = verify(path, keys)
        self.archive = zipfile.ZipFile(path)
        self.left_out = {(one["record"], tuple(one.get("fields", ()))): one for one in self.manifest["leftOut"]}

    def rows(self, record_name: str) -> list[dict[str, Any]]:
        """Of a record, with its container before it or not."""
        names = [
            entry["name"]
            for entry in self.manifest["files"]
            if f"/{entry.get('record')}".endswith(f"/{record_name}") and entry["name"].endswith(".jsonl")
        ]
        return [json.loads(line) for name in names for line in self.archive.read(name).decode().splitlines()]


async def opened(copies: Copies, tmp_path: Path, scope: str) -> Opened:
    return Opened(await copies.made("maria", tmp_path / f"{scope}.zip", scope), copies.keys.public())


async def test_portability_leaves_out_what_rests_on_legitimate_interest(
    house: House, copies: Copies, tmp_path: Path
) -> None:
    """Use, with the article and where it is to be had instead; performance is of the contract, and is in it."""
    await living(house, "ES")
    copy = await opened(copies, tmp_path, "portability")
    assert copy.rows("usageReadings") == []
    assert len(copy.rows("performanceReadings")) == 3
    missing = copy.left_out["telemetry/usageReadings", ()]
    assert missing["article"] == "GDPR 20(1)(a)"
    assert "scope access" in missing["instead"]
    assert "Data Act" in missing["instead"]
    assert copy.manifest["scope"] == "portability"


async def test_where_use_is_collected_with_consent_it_is_portable(house: House, copies: Copies, tmp_path: Path) -> None:
    """Monitor by monitor: of two the one that was paired in Germany."""
    german = await living(house, "DE")
    await living(house, "ES", "VEO-000002")
    copy = await opened(copies, tmp_path, "portability")
    assert len(copy.rows("usageReadings")) == 3
    names = [entry["name"] for entry in copy.manifest["files"] if entry.get("record") == "telemetry/usageReadings"]
    assert all(name.startswith(f"devices/{german.access.device_id}/") for name in names)
    assert ("telemetry/usageReadings", ()) in copy.left_out


async def test_portability_holds_nothing_that_this_service_made(
    house: House, copies: Copies, tmp_path: Path, clock: SettableClock
) -> None:
    """No entry of the ledger, no notification, no value that was worked out; what was given is there."""
    await living(house, "ES")
    copy = await opened(copies, tmp_path, "portability")
    assert [copy.rows(name) for name in ("ledgerEntry", "notification", "gate", "ledgerSubject")] == [[]] * 4
    [person] = copy.rows("person")
    assert person == {"email": "maria@resident.example"}
    [device] = copy.rows("device")
    assert {"serialNumber", "model", "firmwareVersion", "firstConnectedAt"} <= device.keys()
    of = record("telemetry", "performanceReadings").fields
    for reading in copy.rows("performanceReadings"):
        shared = reading.keys() & of.keys()
        assert {name for name in shared if of[name].source in {Source.SERVICE, Source.STAFF}} == set()
        assert {"kind", "observedAt", "cpuPercent", "messageId", "receivedAt"} <= reading.keys()
    assert copy.manifest["cutOff"] <= clock().isoformat().replace("+00:00", ".000Z")


async def test_a_portable_row_says_of_what_it_is(house: House, copies: Copies, tmp_path: Path) -> None:
    """No row is empty: which monitor it is about and since when goes with it."""
    home = await living(house, "ES")
    copy = await opened(copies, tmp_path, "portability")
    [link] = copy.rows("link")
    assert link.keys() == {"deviceId", "role", "since"}
    assert link["deviceId"] == home.access.device_id
    assert "in the bundle" not in copy.left_out["vault/vaultCase", ()]["why"]
    assert "in the bundle" not in copy.left_out["ledger/ledgerHead", ()]["why"]
    for entry in copy.manifest["files"]:
        assert all(copy.rows(entry["record"])) if "record" in entry else True


@pytest.mark.parametrize(
    ("container", "name", "shown"),
    [
        ("people", "objection", {"category", "at", "by", "deviceId", "objected"}),
        ("people", "consent", {"purpose", "at", "by", "given", "noticeVersion", "country"}),
        ("people", "interaction", {"at", "channel", "subject", "text"}),
        ("people", "rightsRequest", {"right", "text", "receivedAt"}),
        ("telemetry", "usageAnnotation", {"annotates", "kind", "observedAt", "statement", "note", "createdAt"}),
        ("identities", "invitation", set()),
        ("identities", "guardianInvitation", set()),
        ("people", "ward", set()),
    ],
)
def test_what_was_given_is_portable_with_what_it_is_about(container: str, name: str, shown: set[str]) -> None:
    """What somebody else gave is not; and nothing goes that would say something only beside what does not go."""
    declared = record(container, name)
    assert set(fields("portability", declared)) == shown
    assert (left_out("portability", declared, name, "DE") is None) == bool(shown)


async def test_the_page_names_the_recipients_that_are_in_use(house: House, copies: Copies, tmp_path: Path) -> None:
    """The same as live access: whom no message reaches is given nothing."""
    await living(house, "ES")
    async with aiohttp.ClientSession() as session:
        copies.recipients = names_in_use(Webhooks({}, copies.keys, session))
    copy = await opened(copies, tmp_path, "access")
    page = copy.archive.read("index.html").decode()
    language = Language.SPANISH if '<html lang="es"' in page else Language.ENGLISH
    assert html.escape(said(RECIPIENTS["mail_server"].about, language)) in page
    assert html.escape(said(RECIPIENTS["sales_and_technicians"].about, language)) not in page
    assert "website" not in copies.recipients


@pytest.mark.parametrize("scope", ["access", "portability"])
async def test_a_copy_accounts_for_every_record_of_the_data_map(
    house: House, copies: Copies, tmp_path: Path, scope: str
) -> None:
    """Each is in it, or is left out with article and reason; so is each field."""
    await living(house, "ES")
    copy = await opened(copies, tmp_path, scope)
    assert all(one["article"] and one["why"] for one in copy.manifest["leftOut"])
    whole = {name for name, fields in copy.left_out if not fields}
    single = {(name, field) for name, names in copy.left_out for field in names}
    for container in CONTAINERS.values():
        for name, declared in container.records.items():
            what = f"{declared.container}/{name}"
            if what in whole:
                continue
            assert declared.export is not None
            for row in [] if declared.is_columnar else copy.rows(what):
                assert {field for field in row if (what, field) in single} == set()
                assert row.keys() <= declared.fields.keys()
    assert ("people/marker" in whole) == ("vault/vaultCase" in whole) == True  # noqa: E712 - both, in both scopes


async def test_the_counts_are_the_store_s_own(house: House, copies: Copies, tmp_path: Path) -> None:
    """Place by place; of readings the rows as well."""
    home = await living(house, "ES")
    copy = await opened(copies, tmp_path, "access")
    assert copy.manifest["reconciliation"]["complete"]
    lines = {line["record"]: line for line in copy.manifest["reconciliation"]["places"]}
    usage = lines["telemetry/usageReadings"]
    assert usage["ownershipId"] == home.access.ownership_id
    assert [usage[name] for name in ("itemsInStore", "itemsWritten", "rowsInStore", "rowsWritten")] == [3, 3, 3, 3]
    assert len(copy.rows("supportLog")) == lines["devices/supportLog"]["rowsInStore"] == 1
