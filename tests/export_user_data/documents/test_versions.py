"""Versions: no document changes without a new one, with a date, a hash, and a sentence on what changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from export_user_data.documents import pages, versions
from export_user_data.documents.__main__ import main
from export_user_data.documents.versions import GENERATED, Version, listed, publish, unpublished
from export_user_data.documents.words import catalogue
from shared.templates import Language

CHANGES = {"en": "Something was said more clearly.", "es": "Algo se dijo con más claridad."}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    file = tmp_path / "versions.json"
    file.write_text("{}")
    return file


def test_every_document_is_as_its_newest_version_says() -> None:
    """Who changes one publishes it: `python -m export_user_data.documents DATE "what changed" "qué cambió"`."""
    assert unpublished() == []


@pytest.mark.parametrize("document", GENERATED)
def test_versions_are_in_order_and_have_their_hashes(document: str) -> None:
    """What was published stays listed, and says in every language what changed."""
    published = versions.versions(document)
    assert [one.date for one in published] == sorted(one.date for one in published)
    assert len({one.version for one in published}) == len(published)
    for one in published:
        assert one.version.startswith(f"{one.date}.")
        assert one.sha256.keys() == one.changes.keys() == {language.value for language in Language}


def test_a_change_needs_a_new_version(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing adds one, and leaves the former as they were."""
    assert publish("2026-11-22", CHANGES, index=index) == list(GENERATED)
    assert unpublished(index) == []
    monkeypatch.setitem(GENERATED, "notice", lambda language: {"language": language.value, "says": "something else"})
    assert unpublished(index) == ["notice"]
    before = json.loads(index.read_text())
    assert publish("2027-01-01", CHANGES, index=index) == ["notice"]
    after = json.loads(index.read_text())
    assert after["notice"][:-1] == before["notice"]
    assert after["data-sheets"] == before["data-sheets"]
    assert publish("2027-01-02", CHANGES, index=index) == []


def test_what_nobody_was_shown_may_be_published_anew(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the same day, and when that is meant."""
    publish("2026-11-22", CHANGES, index=index)
    monkeypatch.setitem(GENERATED, "notice", lambda _language: "else")
    publish("2026-11-22", CHANGES, amend=True, index=index)
    assert len(json.loads(index.read_text())["notice"]) == 1
    assert unpublished(index) == []


def test_the_words_of_a_page_have_versions_as_well(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in a template alone is told to residents too; how a page looks is not."""
    publish("2026-11-22", CHANGES, index=index)
    page = pages.page

    def other(old: str, new: str) -> None:
        def changed(*given: Any, **named: Any) -> str:
            written = page(*given, **named)
            assert old in written
            return written.replace(old, new)

        monkeypatch.setattr(pages, "page", changed)

    other("max-width: 52rem", "max-width: 50rem")
    assert unpublished(index) == []
    other("</main>", "<p>Write to us first.</p></main>")
    assert unpublished(index) == ["notice", "data-sheets", "record-of-processing"]


def test_a_sentence_of_the_catalogue_has_versions_as_well(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that a page alone uses."""
    publish("2026-11-22", CHANGES, index=index)
    monkeypatch.setitem(catalogue(Language.SPANISH), "Complaints", "Quejas")
    assert unpublished(index) == ["notice"]


def test_the_list_is_the_newest_first() -> None:
    """With what changed, in the reader's language."""
    told = listed("notice", Language.SPANISH)["versions"]
    assert told[0]["version"] == versions.present("notice").version
    assert told[-1]["changes"] == "La primera versión."


def test_the_command_says_what_it_published(
    index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or that there was nothing to publish."""
    asked: list[tuple[str, dict[str, str], bool]] = []

    def recording(date: str, changes: dict[str, str], *, amend: bool) -> list[str]:
        asked.append((date, changes, amend))
        return publish(date, changes, amend=amend, index=index)

    monkeypatch.setattr("export_user_data.documents.__main__.publish", recording)
    monkeypatch.setattr("sys.argv", ["documents", "2026-11-22", CHANGES["en"], CHANGES["es"]])
    assert main() == main() == 0
    assert asked[0] == ("2026-11-22", CHANGES, False)
    assert capsys.readouterr().out.splitlines() == [f"Published: {one}" for one in GENERATED] + ["Nothing has changed."]
    assert [Version(**one) for one in json.loads(index.read_text())["notice"]]
