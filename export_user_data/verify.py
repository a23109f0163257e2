"""Verify a bundle: `python -m export_user_data.verify BUNDLE.zip --keys KEYS`.

KEYS is the service's published key set, as a file or an https address. Checked are the signature over the manifest, the
checksum, size and number of rows of every file, that the bundle holds nothing that the manifest does not name, neither
in its directory nor between or behind its files, and that the files hold as many rows of each record as the manifest
reconciles with the service's database.
"""

import argparse
import csv
import hashlib
import io
import json
import struct
import sys
import urllib.request
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Final

import jwt

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
FORMAT: Final = "blue-export/2"
ALGORITHM: Final = "ES256"
FETCH_TIMEOUT_S: Final = 10
CHUNK_BYTES: Final = 1024 * 1024

_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")
_END: Final = struct.Struct("<4s4H2IH")
_HAS_DESCRIPTOR: Final = 0x8
_NO_SLACK: Final[tuple[int, ...]] = (0,)
_DESCRIPTORS: Final[tuple[int, ...]] = (12, 16, 20, 24)
"""Bytes behind an entry whose sizes stand behind it, as other programs write a ZIP."""

_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, KeyError, RuntimeError)
"""What a damaged or encrypted ZIP, or a manifest of another form, ends in."""


class NotGenuine(Exception):
    """The bundle is not what the service signed; the message says what differs."""


def verify(bundle: Path, keys: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a genuine bundle.

    Raises:
        NotGenuine: signature, files or counts do not agree.
    """
    with zipfile.ZipFile(bundle) as archive:
        _check_no_more(bundle, archive)
        names = archive.namelist()
        if len(names) != len(set(names)):
            raise NotGenuine("The bundle holds two files of one name.")
        try:
            written, signature = archive.read(MANIFEST), archive.read(SIGNATURE).decode()
        except (KeyError, UnicodeDecodeError) as error:
            raise NotGenuine("The bundle has no manifest or no signature.") from error
        _check_signature(written, signature, keys)
        manifest: dict[str, Any] = json.loads(written)
        if manifest.get("format") != FORMAT:
            raise NotGenuine("The manifest has a format that this program does not know.")
        files = {entry["name"]: entry for entry in manifest["files"]}
        unlisted = set(names) - files.keys() - {MANIFEST, SIGNATURE}
        if unlisted:
            raise NotGenuine(f"Files that the manifest does not name: {sorted(unlisted)}.")
        for name, entry in files.items():
            if name not in names:
                raise NotGenuine(f"A file is missing: {name}.")
            _check_file(archive, name, entry)
        _check_reconciliation(manifest)
    return manifest


def _check_no_more(bundle: Path, archive: zipfile.ZipFile) -> None:
    """Every byte of the file belongs to an entry of the directory, or is the directory: some programs read others."""
    with bundle.open("rb") as file:
        ends = 0
        slack = _NO_SLACK
        for entry in sorted(archive.infolist(), key=lambda one: one.header_offset):
            if entry.header_offset - ends not in slack or entry.comment:
                raise NotGenuine("The bundle holds something beside its files.")
            file.seek(entry.header_offset)
            *_, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            ends = file.tell() + name_length + extra_length + entry.compress_size
            slack = _DESCRIPTORS if entry.flag_bits & _HAS_DESCRIPTOR else _NO_SLACK
        file.seek(-_END.size, io.SEEK_END)
        signature, *_, comment_length = _END.unpack(file.read())
    if archive.start_dir - ends not in slack or signature != b"PK\5\6" or comment_length:
        raise NotGenuine("The bundle holds something beside its files.")


def _check_signature(manifest: bytes, signature: str, keys: dict[str, Any]) -> None:
    try:
        kid = jwt.get_unverified_header(signature).get("kid")
        key = next((key for key in jwt.PyJWKSet(keys["keys"]).keys if key.key_id == kid), None)
        if key is None:
            raise NotGenuine("The bundle was signed by a key that is not in the key set.")
        jwt.PyJWS().decode(signature, key.key, algorithms=[ALGORITHM], detached_payload=manifest)
    except jwt.InvalidTokenError as error:
        raise NotGenuine("The signature does not fit the manifest.") from error


def _check_file(archive: zipfile.ZipFile, name: str, entry: dict[str, Any]) -> None:
    digest, size, lines = hashlib.sha256(), 0, 0
    with archive.open(name) as content:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
    if digest.hexdigest() != entry["sha256"] or size != entry["bytes"]:
        raise NotGenuine(f"A file was changed: {name}.")
    if name.endswith(".csv"):
        lines = _table_rows(archive, name)
    if name.endswith((".jsonl", ".csv")) and lines != entry.get("rows", 0):
        raise NotGenuine(f"A file has another number of rows than the manifest says: {name}.")


def _table_rows(archive: zipfile.ZipFile, name: str) -> int:
    """Rows below the header; a cell may hold a line break."""
    with archive.open(name) as content:
        return sum(1 for _ in csv.reader(io.TextIOWrapper(content, encoding="utf-8", newline=""))) - 1


def _check_reconciliation(manifest: dict[str, Any]) -> None:
    """The files hold the rows that were reconciled, and what is said to agree does."""
    in_files, in_tables, reconciled = Counter[str](), Counter[str](), Counter[str]()
    for entry in manifest["files"]:
        if "record" in entry:
            (in_tables if entry["name"].endswith(".csv") else in_files)[entry["record"]] += entry["rows"]
    for place in manifest["reconciliation"]["places"]:
        reconciled[place["record"]] += place["rowsWritten"]
        agrees = all(
            place[f"{what}InStore"] == place[f"{what}Written"] - place.get(f"{what}SinceCutOff", 0)
            for what in ("items", "rows")
        )
        if agrees != place["agrees"]:
            raise NotGenuine(f"The reconciliation of {place['record']} does not add up.")
    if +in_files != +reconciled:
        raise NotGenuine("The files have another number of rows than the reconciliation says.")
    for record, rows in in_tables.items():
        if rows != in_files[record]:
            raise NotGenuine(f"The tables of {record} have another number of rows than its JSON Lines.")


def says_of_store(manifest: dict[str, Any]) -> str:
    """What the reconciliation comes to, as a sentence."""
    places = manifest["reconciliation"]["places"]
    differing = [place for place in places if not place["agrees"]]
    unknown = sum(not place.get("explained", True) for place in differing)
    if not differing:
        return "All rows agree with what the database counted."
    sentence = f"{len(places) - len(differing)} of {len(places)} counts agree with the database"
    return f"{sentence}, {len(differing) - unknown} changed meanwhile, {unknown} differ without an explanation."


def _key_set(source: str) -> dict[str, Any]:
    if source.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        with urllib.request.urlopen(source, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310 - schemes are checked above
            keys: dict[str, Any] = json.load(answer)
            return keys
    return dict(json.loads(Path(source).read_text(encoding="utf-8")))


def main(argv: list[str] | None = None) -> int:
    """Verify the bundle named on the command line; 0 when it is genuine."""
    parser = argparse.ArgumentParser(prog="python -m export_user_data.verify", description=__doc__)
    parser.add_argument("bundle", type=Path, help="the ZIP")
    parser.add_argument("--keys", required=True, help="the published key set: a file, or an https address")
    args = parser.parse_args(argv)
    try:
        manifest = verify(args.bundle, _key_set(args.keys))
    except NotGenuine as error:
        sys.stderr.write(f"NOT GENUINE: {error}\n")
        return 1
    except _UNREADABLE as error:
        sys.stderr.write(f"NOT GENUINE: The bundle or the key set cannot be read: {error!r}\n")
        return 1
    rows = sum(entry.get("rows", 0) for entry in manifest["files"] if entry["name"].endswith(".jsonl"))
    sys.stdout.write(
        f"Genuine: {len(manifest['files'])} files, {rows} rows, everything as of {manifest['cutOff']}, "
        f"scope {manifest['scope']}. {says_of_store(manifest)}\n"
        f"Export {manifest['exportId']} of the person {manifest['personId']}.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
