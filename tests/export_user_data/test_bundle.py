"""The bundle: everything of one person and nothing of another, and a manifest that proves it."""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from export_user_data.verify import NotGenuine, main, verify
from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.storing import store_events
from register_device.contract.account import AppInstallation
from register_device.devices import list_devices
from register_device.guests import invite
from register_device.installations import register_installation
from register_device.invitations import accept
from register_device.support_cases import open_case
from shared.blobs import Blobs
from shared.callers import Resident
from shared.cosmos import Database
from shared.data_map import CATEGORIES, Category
from shared.gate import load_policy
from shared.keys import KeySet
from shared.people import own_record, resident
from shared.sign_in import Identity
from shared.templates import Language
from shared.wording import said
from tests.conftest import SettableClock
from tests.export_user_data.copies import Copies
from tests.keys import signing_jwks
from tests.people import IDENTITY_KEY, House

pytestmark = pytest.mark.wire

PAYLOADS = Path(__file__).parent.parent / "payloads"


@pytest.fixture
def house(database: Database, device_keys: KeySet, clock: SettableClock) -> House:
    return House(database, device_keys, clock)


def message_of(person: str) -> str:
    return str(uuid5(NAMESPACE_OID, person))


async def live(house: House, person: str, serial: str, *, calls: int = 3) -> str:
    """A resident with a phone, a monitor, a support case and readings; returns the device id."""
    await own_record(Resident(person, f"{person}@resident.example", "key"), database=house.database, now=house.clock())
    body = AppInstallation.model_validate_json((PAYLOADS / "apptoken_request_ios_2026.json").read_text())
    await register_installation(person, body, database=house.database, key=IDENTITY_KEY, now=house.clock())
    access = await house.pair(person, serial, model="VEO-XS WIFI")
    await open_case(
        person,
        access.device_id,
        7,
        log=f"ringing {person}@resident.example",
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )
    house.clock.forward(minutes=1)
    policy = await load_policy(house.database["telemetry"], access.ownership_id)
    observed = [house.clock() - timedelta(seconds=step) for step in range(calls)]
    readings: list[dict[str, Any]] = [
        {"kind": "call", "observedAt": moment.isoformat(), "outcome": "missed"} for moment in observed
    ]
    readings.append({"kind": "system_health", "observedAt": house.clock().isoformat(), "cpuPercent": 12.5})
    body_bytes, properties = event_of(
        Message(
            ownership_id=access.ownership_id,
            policy=policy,
            message_id=message_of(person),
            schema_version=1,
            sent_at=house.clock(),
            received_at=house.clock(),
            readings=readings,
        )
    )
    event = HubEvent(
        body=body_bytes, properties=properties, partition="0", sequence_number=1, enqueued_at=house.clock()
    )
    await store_events([event], database=house.database)
    return access.device_id


@pytest.fixture
def copies(house: House, blobs: Blobs, export_keys: KeySet) -> Copies:
    return Copies(house.database, blobs, export_keys, house.clock)


@pytest.fixture
async def bundled(house: House, copies: Copies, tmp_path: Path) -> tuple[Path, str]:
    device_id = await live(house, "maria", "VEO-000001")
    await live(house, "jordi", "VEO-000002")
    return await copies.made("maria", tmp_path / "maria.zip"), device_id


async def test_everything_held_is_in_the_bundle(bundled: tuple[Path, str]) -> None:
    """Account, phone, link, device, support case with its log, gate and readings of both categories."""
    path, device_id = bundled
    names = {name.replace(device_id, "DEVICE") for name in zipfile.ZipFile(path).namelist()}
    stems = {name.rsplit("/", 1)[0] if "Readings" not in name and "20" in name else name for name in names}
    assert stems >= {
        "account/person.jsonl",
        "account/appInstallation.jsonl",
        "account/ledgerEntry.jsonl",
        "account/ledgerSubject.jsonl",
        "account/link.jsonl",
        "account/notification.jsonl",
        "devices/DEVICE/device.jsonl",
        "devices/DEVICE/supportCase.jsonl",
        "devices/DEVICE/supportLog.jsonl",
        "devices/DEVICE/gate.jsonl",
        "devices/DEVICE/usage",
        "devices/DEVICE/performance",
        "documents/notice.es.html",
        "documents/data-sheet.veo-xs-wifi.es.html",
        "documents/verify.py",
        "index.html",
        "manifest.json",
        "manifest.jws",
    }


async def test_nothing_of_another_person_is_in_the_bundle(bundled: tuple[Path, str]) -> None:
    """Not an address, not a serial number, not an id."""
    archive = zipfile.ZipFile(bundled[0])
    content = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "maria@resident.example" in content
    assert [word for word in ("jordi", "VEO-000002", message_of("jordi")) if word in content] == []


async def test_no_secret_and_no_internal_key_is_in_the_bundle(bundled: tuple[Path, str]) -> None:
    """Fields that the map does not export stay here; manifest and notice name them, and have no value of them."""
    archive = zipfile.ZipFile(bundled[0])
    data = [name for name in archive.namelist() if name != "manifest.json" and not name.startswith("documents/")]
    content = b"".join(archive.read(name) for name in data).decode()
    assert [
        word for word in ("_etag", "secretHash", "identityKey", "bodyHash", "enrolmentGroup") if word in content
    ] == []


async def test_the_rows_agree_with_the_store(bundled: tuple[Path, str]) -> None:
    """JSON Lines and CSV hold the same readings, as many as were sent."""
    path, device_id = bundled
    archive = zipfile.ZipFile(path)
    [lines] = [
        name for name in archive.namelist() if name.startswith(f"devices/{device_id}/usage/") and "jsonl" in name
    ]
    rows = [json.loads(line) for line in archive.read(lines).decode().splitlines()]
    table = list(csv.DictReader(io.StringIO(archive.read(lines.replace("jsonl", "csv")).decode())))
    assert len(rows) == len(table) == 3
    assert [row["observedAt"] for row in rows] == [row["observedAt"] for row in table]
    manifest = json.loads(archive.read("manifest.json"))
    [place] = [one for one in manifest["reconciliation"]["places"] if one["record"] == "telemetry/usageReadings"]
    assert (place["itemsInStore"], place["rowsInStore"], place["agrees"]) == (1, 3, True)
    assert {entry["rows"] for entry in manifest["files"] if "/usage/" in entry["name"]} == {3}


async def test_the_page_says_what_why_and_how_long(bundled: tuple[Path, str]) -> None:
    """In words for residents, from the data map and in the language of their app, without loading anything."""
    page = zipfile.ZipFile(bundled[0]).read("index.html").decode()
    assert said(CATEGORIES[Category.PERFORMANCE].purpose, Language.SPANISH) in page
    assert "730 días" in page
    assert "<script" not in page
    assert "://" not in page


async def test_a_genuine_bundle_verifies(bundled: tuple[Path, str], export_keys: KeySet) -> None:
    """With nothing but the published keys."""
    manifest = verify(bundled[0], export_keys.public())
    assert manifest["scope"] == "access"


async def test_anyone_can_run_the_verifier(bundled: tuple[Path, str], export_keys: KeySet, tmp_path: Path) -> None:
    """The program alone, in another folder, without the service's code or settings."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(export_keys.public()))
    program = shutil.copy("export_user_data/verify.py", tmp_path / "verify.py")
    finished = subprocess.run(  # noqa: ASYNC221, S603 - a test waits for our own program
        [sys.executable, "-I", str(program), str(bundled[0]), "--keys", str(keys)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("Genuine: ")


Tamper = Callable[[dict[str, bytes]], None]


def altered(files: dict[str, bytes]) -> None:
    files["account/person.jsonl"] = files["account/person.jsonl"].replace(b"maria@", b"mario@")


def removed(files: dict[str, bytes]) -> None:
    del files["account/link.jsonl"]


def added(files: dict[str, bytes]) -> None:
    files["account/extra.jsonl"] = b"{}\n"


def unsigned(files: dict[str, bytes]) -> None:
    del files["manifest.jws"]


def rewritten(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b'"access"', b'"portability"')


@pytest.mark.parametrize("tamper", [altered, removed, added, unsigned, rewritten])
async def test_a_tampered_bundle_is_found(
    bundled: tuple[Path, str], export_keys: KeySet, tmp_path: Path, tamper: Tamper
) -> None:
    """Whatever is altered, taken away, added, unsigned or rewritten."""
    archive = zipfile.ZipFile(bundled[0])
    files = {name: archive.read(name) for name in archive.namelist()}
    tamper(files)
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(forged, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    with pytest.raises(NotGenuine):
        verify(forged, export_keys.public())


def hidden_before(content: bytes) -> bytes:
    """A file that only a program sees that reads from the front."""
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as out:
        out.writestr("account/person.jsonl", b'{"email": "forged@personal.example"}')
        end = out.fp.tell() if out.fp else 0
    return other.getvalue()[:end] + content


def hidden_behind(content: bytes) -> bytes:
    return content + b"and more"


def in_a_comment(content: bytes) -> bytes:
    return content[:-2] + b"\x08\x00and more"


def damaged(content: bytes) -> bytes:
    """Bytes of the first file are others."""
    return content[:80] + bytes(40) + content[120:]


@pytest.mark.parametrize("change", [hidden_before, hidden_behind, in_a_comment, damaged])
async def test_what_lies_beside_the_files_is_found(
    bundled: tuple[Path, str], export_keys: KeySet, tmp_path: Path, change: Callable[[bytes], bytes], capsys: Any
) -> None:
    """And what cannot be read is said to be no genuine bundle, instead of a fault of the program."""
    forged, keys = tmp_path / "forged.zip", tmp_path / "keys.json"
    forged.write_bytes(change(bundled[0].read_bytes()))
    keys.write_text(json.dumps(export_keys.public()))
    assert main([str(forged), "--keys", str(keys)]) == 1
    assert "NOT GENUINE" in capsys.readouterr().err


async def test_a_bundle_that_was_packed_anew_is_genuine(
    bundled: tuple[Path, str], export_keys: KeySet, tmp_path: Path
) -> None:
    """Whoever unpacks it and packs it again, file by file, has what was signed."""
    archive, again = zipfile.ZipFile(bundled[0]), io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as out:
        for name in archive.namelist():
            out.writestr(name, archive.read(name))
    packed = tmp_path / "again.zip"
    packed.write_bytes(again.getvalue())
    assert verify(packed, export_keys.public())["scope"] == "access"


async def test_a_bundle_of_another_service_is_found(bundled: tuple[Path, str], tmp_path: Path, capsys: Any) -> None:
    """A signature by another key is no signature of ours; the program says so and exits with 1."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KeySet(signing_jwks(), "ES256").public()))
    assert main([str(bundled[0]), "--keys", str(keys)]) == 1
    assert "NOT GENUINE" in capsys.readouterr().err


async def test_a_former_owner_gets_their_own_period_only(house: House, copies: Copies, tmp_path: Path) -> None:
    """After a monitor changed hands each has what was theirs."""
    device_id = await live(house, "maria", "VEO-000001")
    house.clock.forward(days=1)
    await live(house, "jordi", "VEO-000001", calls=5)
    of_maria = zipfile.ZipFile(await copies.made("maria", tmp_path / "maria.zip"))
    of_jordi = zipfile.ZipFile(await copies.made("jordi", tmp_path / "jordi.zip"))
    content = b"".join(of_maria.read(name) for name in of_maria.namelist()).decode()
    assert message_of("maria") in content
    assert message_of("jordi") not in content
    assert f"devices/{device_id}/pastOwnership.jsonl" in of_maria.namelist()
    assert f"devices/{device_id}/device.jsonl" not in of_maria.namelist()
    assert message_of("maria") not in b"".join(of_jordi.read(name) for name in of_jordi.namelist()).decode()


async def test_a_person_without_anything_gets_a_bundle_too(
    house: House, copies: Copies, export_keys: KeySet, tmp_path: Path
) -> None:
    """An account alone is something held."""
    await own_record(Resident("maria", "maria@resident.example", "key"), database=house.database, now=house.clock())
    path = await copies.made("maria", tmp_path / "maria.zip")
    manifest = verify(path, export_keys.public())
    counted = {line["record"]: line["itemsInStore"] for line in manifest["reconciliation"]["places"]}
    own = {f"people/{name}": 1 for name in ("person", "gate", "ledgerSubject", "exportRequest")}
    assert counted == own | {"ledger/ledgerEntry": 1}


async def guest_of(house: House, device_id: str, owner: Resident, guest: Resident) -> str:
    """Make one a guest of the other's device; returns the guest id."""
    address = str(guest.email)
    invited, _ = await invite(
        owner, device_id, address, database=house.database, identity_key=IDENTITY_KEY, now=house.clock()
    )
    await accept(guest, invited.guest_id, database=house.database, now=house.clock())
    return invited.guest_id


async def signed_in(house: House, name: str) -> Resident:
    identity = Identity("https://sign-in.example", name, f"{name}@resident.example", frozenset())
    return await resident(identity, database=house.database, identity_key=IDENTITY_KEY, now=house.clock())


async def test_a_guest_gets_their_own_part_of_it_and_nothing_of_the_owner(
    house: House, copies: Copies, tmp_path: Path
) -> None:
    """The link, their invitations, what the ledger says of them; the owner gets the guest by a random id alone."""
    maria, jordi, pau = [await signed_in(house, name) for name in ("maria", "jordi", "pau")]
    device_id = await live(house, maria.person_id, "VEO-000001")
    guest_id = await guest_of(house, device_id, maria, jordi)
    await live(house, pau.person_id, "VEO-000002")
    other_device = (await list_devices(pau.person_id, database=house.database, now=house.clock()))[0].device_id
    invited, _ = await invite(
        pau,
        other_device,
        "jordi@resident.example",
        database=house.database,
        identity_key=IDENTITY_KEY,
        now=house.clock(),
    )
    of_jordi = zipfile.ZipFile(await copies.made(jordi.person_id, tmp_path / "jordi.zip"))
    names = set(of_jordi.namelist())
    assert [name for name in names if name.startswith("devices/")] == []
    [link] = of_jordi.read("account/link.jsonl").decode().splitlines()
    assert json.loads(link)["guestId"] == guest_id
    [invitation] = [json.loads(line) for line in of_jordi.read("account/invitation.jsonl").decode().splitlines()]
    assert (invitation["invitationId"], invitation["email"]) == (invited.guest_id, "jordi@resident.example")
    content = b"".join(of_jordi.read(name) for name in names).decode()
    foreign = ("VEO-000001", "maria", "VEO-000002", "pau", maria.person_id, pau.person_id, other_device)
    assert [word for word in foreign if word in content] == []
    of_maria = zipfile.ZipFile(await copies.made(maria.person_id, tmp_path / "maria.zip"))
    assert json.loads(of_maria.read(f"devices/{device_id}/guest.jsonl"))["guestId"] == guest_id
    content = b"".join(of_maria.read(name) for name in of_maria.namelist()).decode()
    assert [word for word in ("jordi", jordi.person_id, jordi.contact_key) if str(word) in content] == []
