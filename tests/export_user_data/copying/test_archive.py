"""The archive: a ZIP that others go on with, of any size, that any program opens."""

import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from export_user_data.copying.archive import Archive, Entry

MOMENT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
FAR = 5 * 2**30


def parts(*contents: tuple[str, bytes], offset: int = 0) -> tuple[bytes, list[Entry]]:
    """An archive of which each file was added by somebody else."""
    written, entries = b"", list[Entry]()
    for name, content in contents:
        archive = Archive(offset + len(written), MOMENT)
        archive.add(name, [content[:7], content[7:]])
        written += archive.taken()
        entries += [Entry.read(entry.written()) for entry in archive.entries]
    archive = Archive(offset + len(written), MOMENT)
    archive.close(entries)
    return written + archive.taken(), entries


def test_an_archive_that_went_on_elsewhere_opens(tmp_path: Path) -> None:
    """Names in any script, an empty file, times, checksums."""
    path = tmp_path / "a.zip"
    contents = {"señal/ñ.jsonl": b"x" * 100_000, "empty": b"", "b.csv": b"a,b\n1,2\n"}
    path.write_bytes(parts(*contents.items())[0])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert archive.infolist()[0].date_time == (2026, 5, 4, 3, 2, 0)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="there is no unzip on this machine")
@pytest.mark.parametrize("offset", [0, FAR])
def test_another_program_opens_it(tmp_path: Path, offset: int) -> None:
    """Info-ZIP, which most systems have; beyond 4 GB as well."""
    path = sparse(tmp_path / "a.zip", offset)
    said = subprocess.run(["unzip", "-t", str(path)], check=False, capture_output=True, text=True)  # noqa: S603, S607 - its own file
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count(" OK") == 2


def sparse(path: Path, offset: int) -> Path:
    """Two files that lie behind a gap, as if an archive of that size went before them."""
    content, _ = parts(("one", b"1" * 50_000), ("two", b"2"), offset=offset)
    with path.open("wb") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(content)
    return path


def test_beyond_four_gigabytes_offsets_are_of_64_bits(tmp_path: Path) -> None:
    """Of the entries as of the directory."""
    with zipfile.ZipFile(sparse(tmp_path / "a.zip", FAR)) as archive:
        assert archive.read("one") == b"1" * 50_000
        assert archive.read("two") == b"2"
        assert archive.infolist()[0].header_offset == FAR


def test_more_files_than_16_bits_can_count(tmp_path: Path) -> None:
    """Who has thousands of months and devices has them all."""
    path = tmp_path / "a.zip"
    archive = Archive(0, MOMENT)
    for number in range(66_000):
        archive.add(str(number), [])
    archive.close(archive.entries)
    path.write_bytes(archive.taken())
    with zipfile.ZipFile(path) as opened:
        assert len(opened.namelist()) == 66_000
