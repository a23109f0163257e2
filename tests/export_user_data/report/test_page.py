"""The page: what it says, that it loads nothing, is well formed, and speaks both languages."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from export_user_data.rectification.contract import Channel, Subject
from export_user_data.report.digest import Digest
from export_user_data.report.observed import UNSAID
from export_user_data.report.page import Summary, index_page
from export_user_data.report.plots import ticks_between
from export_user_data.report.records import SHOWN
from export_user_data.report.words import TEXTS, Words
from export_user_data.restriction.contract import Ground, HoldGround
from shared.callers import Role
from shared.contract import Purpose
from shared.data_map import CONTAINERS, READINGS, Category
from shared.data_map.copies import GONE_SINCE, left_out
from shared.templates import Language
from tests.export_user_data.report.sample import (
    ADDRESS,
    HOSTILE,
    KITCHEN,
    NOW,
    ago,
    empty_page,
    entry,
    held,
    household_page,
    readings_of,
)

REPORT = TEXTS.parent
SPANISH = json.loads((TEXTS / "es.json").read_text(encoding="utf-8"))
VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADING = {"script", "iframe", "object", "embed", "img", "image", "use", "video", "audio", "source", "base", "form"}


class Read(HTMLParser):
    """A page as its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.headings: list[int] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), tag
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [str(attributes[name]) for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module", params=list(Language))
def page(request: pytest.FixtureRequest) -> str:
    return household_page(request.param)


def test_the_page_can_load_nothing(page: str) -> None:
    """No element that loads, no address, and a policy that lets a browser load nothing even so."""
    read = Read(page)
    assert {tag for tag, _ in read.elements} & LOADING == set()
    assert [attributes["href"] for tag, attributes in read.elements if tag == "link"] == ["data:,"]
    assert "://" not in page
    assert "@import" not in page
    assert "url(#" in page
    assert re.findall(r"url\((?!#)", page) == []
    assert "default-src 'none'" in page
    assert [name for _, attributes in read.elements for name in attributes if name.startswith("on")] == []


def test_the_page_is_well_formed(page: str) -> None:
    """Elements close, ids are unique, what is pointed at is there, headings go down one by one; a language is named."""
    read = Read(page)
    ids = read.all("id")
    assert [name for name, number in Counter(ids).items() if number > 1] == []
    assert [href for href in read.all("href") if href.startswith("#") and href[1:] not in ids] == []
    assert set(read.all("aria-labelledby")) <= set(ids)
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))
    assert read.elements[0] == ("html", {"lang": page.partition('lang="')[2][:2]})


def test_what_a_monitor_calls_itself_is_text(page: str) -> None:
    """A model that is a script is shown, and runs nowhere."""
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    assert any(HOSTILE in text for text in Read(page).texts)


def test_every_plot_is_told_in_words_and_as_a_table(page: str) -> None:
    """Who does not see it hears what it shows, and finds the figures."""
    read = Read(page)
    plots = [attributes for tag, attributes in read.elements if attributes.get("role") == "img"]
    assert len(plots) == 2 + 5 + 2 + 2
    assert all(re.search(r"\d", str(attributes["aria-label"])) for attributes in plots)
    assert page.count("<figure") == page.count("</figure>") == len(plots)
    for figure in page.split("<figure")[1:]:
        assert "<table>" in figure.partition("</figure>")[0]


def test_no_plot_brings_a_script_a_style_or_a_comment(page: str) -> None:
    """What pygal adds for a file of its own would be most of the page."""
    assert page.count("<style>") == 1
    assert "<!--" not in page
    assert "pygal" not in page
    assert "<desc" not in page
    assert len(page) < 250_000


def test_the_page_names_nobody_more_than_needed(page: str) -> None:
    """It may lie open: the account is told by the first letter and the domain."""
    assert ADDRESS not in page
    assert "@resident.example" in page


def test_the_page_says_who_looked_and_what_for() -> None:
    """Date, role, what was done and the purpose, newest first; what the person did themself is elsewhere."""
    page = household_page()
    seen = page.partition('id="seen"')[2].partition("</section>")[0]
    first = seen.partition("<tbody>")[2].partition("</tr>")[0]
    assert re.findall("<td[^>]*>([^<]*)</td>", first) == [
        "19 November 2026, 09:30 UTC",
        "support staff",
        "Support staff viewed data of an open support case.",
        "support call",
    ]
    assert "paired" not in seen


def test_what_is_too_much_is_counted() -> None:
    """The newest fifty are shown, and how many there are beside them."""
    digest = Digest()
    for number in range(64):
        digest.add(entry("device_looked_up", "staff:support", number, purpose="complaint"))
    page = index_page(Summary(scope="access", cut_off=NOW, language=Language.ENGLISH, digest=digest))
    assert "14 more are in the files beside this page." in page


def test_somebody_without_anything_reads_that_there_is_nothing() -> None:
    """Every empty place is said in words."""
    page = empty_page()
    for said in (
        "No monitor is or was paired with your account.",
        "Nothing of this kind is held.",
        "This copy holds none beside your account itself.",
        "No member of staff has looked at your data",
        "Nothing of yours is blocked.",
        "No restriction of processing and no legal hold is recorded.",
    ):
        assert said in page
    assert "plot-svg" not in re.sub("<style>.*</style>", "", page, flags=re.DOTALL)
    assert "This copy is complete" not in page


def test_a_copy_says_that_it_is_complete_or_why_not() -> None:
    """What the store counts against what was written; a difference is never passed over."""
    assert "This copy is complete." in household_page()
    differs = [
        {
            "record": "people/notification",
            "itemsInStore": 3,
            "itemsWritten": 2,
            "agrees": False,
            "itemsDiffering": 1,
            "difference": GONE_SINCE,
        }
    ]
    page = index_page(
        Summary(scope="access", cut_off=NOW, language=Language.ENGLISH, digest=Digest(), reconciled=differs)
    )
    assert "This copy is complete." not in page
    assert f"1: {GONE_SINCE}." in page


def test_files_are_linked_under_their_category_with_escaped_names() -> None:
    """Readings by their folder, records by their name; what belongs to none is named in the manifest alone."""
    names = ["devices/d 1/usage/2026-03.part2.jsonl", "account/link.jsonl", "documents/notice.html"]
    files = [{"name": name, "sha256": "0", "bytes": 2_500_000, "rows": 1} for name in names]
    page = index_page(Summary(scope="access", cut_off=NOW, language=Language.SPANISH, digest=Digest(), files=files))
    assert '<a href="devices/d%201/usage/2026-03.part2.jsonl">' in page.partition('id="of-usage"')[2]
    assert '<a href="account/link.jsonl">' in page.partition('id="of-device"')[2].partition('id="of-usage"')[0]
    assert "(1 fila, 2,5 MB)" in page


def test_only_recipients_in_use_are_named() -> None:
    """An installation without forms of a website does not name who runs them."""
    page = index_page(
        Summary(scope="access", cut_off=NOW, language=Language.ENGLISH, digest=Digest(), recipients={"cloud_provider"})
    )
    assert "cloud service provider" in page
    assert "forms of the maker" not in page


def test_a_former_owner_and_a_guest_read_of_their_own_time_alone() -> None:
    """A monitor that was theirs with its days; of one that they are a guest of nothing but that."""
    page = household_page()
    assert "It was yours" in page
    assert "1 April 2025 to 18 October 2025" in page
    assert "a guest of 1 monitor; what it reported belongs to its owner" in page


def english() -> Iterator[str]:
    """Every text of ours that a page may show."""
    for path in sorted(REPORT.rglob("*.j2")):
        written = path.read_text(encoding="utf-8")
        yield from re.findall(r'\bt\("([^"]+)"\)', written)
        yield from re.findall(r'(?:plural|counted)\("([^"]+)"', written)
    for path in sorted(REPORT.glob("*.py")):
        written = path.read_text(encoding="utf-8")
        yield from re.findall(r"""words?\.text\(["']([^"']+)["']\)""", written)
        yield from re.findall(r"""(?:counted|self\.text)\(\s*["']([^"']+)["']""", written)
    for shown in SHOWN.values():
        yield shown.title
        yield from (column.heading for column in shown.columns)


def test_every_text_of_the_page_is_there_in_spanish() -> None:
    """With the same places for values, and with both forms where a number decides."""
    texts = sorted(set(english()))
    assert len(texts) > 150
    assert [text for text in texts if text not in SPANISH] == []
    for text in texts:
        forms = SPANISH[text] if isinstance(SPANISH[text], list) else [SPANISH[text]]
        places = [sorted(re.findall(r"%(?:\(\w+\))?s", form)) for form in [text, *forms]]
        assert all(of_form == places[0] for of_form in places), text
        assert len(forms) == (2 if "%(num)s" in text else len(forms)), text


CLOSED_LISTS: tuple[type[StrEnum], ...] = (Purpose, Channel, Subject, Ground, HoldGround)
SAID = sorted(
    {
        *(word.value for words in CLOSED_LISTS for word in words),
        *(f"category:{category.value}" for category in Category),
        *(f"staff:{role.value}" for role in Role),
        *READINGS["call"].fields["outcome"].choices,
        *READINGS["door_opening"].fields["openedFrom"].choices,
        *READINGS["feature_use"].fields["feature"].choices,
        *("failures", "restarts", "reconnections", UNSAID, "owner", "guest", "person", "service", "host", "guardian"),
        *("pending", "active", "ended", "invited", "lifting", "lifted", "acknowledged", "in_place", "lapses"),
        *("erasure", "rectification", "expiry", "restriction", "restriction_lifted", "email", "region", "support"),
        *("usage_statistics", "interactions"),
    }
)


def test_every_word_of_a_closed_list_has_words_for_people() -> None:
    """None is shown as programs write it, and each is there in Spanish."""
    in_english = [Words(Language.ENGLISH).word(word) for word in SAID]
    assert [word for word in in_english if "_" in word or ":" in word] == []
    assert [word for word in in_english if word not in SPANISH] == []


def test_numbers_days_and_sizes_are_written_as_readers_write_them() -> None:
    """In English and in Spanish, always in UTC."""
    english, spanish = Words(Language.ENGLISH), Words(Language.SPANISH)
    assert (english.number(1234567.25, 1), spanish.number(1234567.25, 1)) == ("1,234,567.2", "1.234.567,2")
    assert (english.number(1234), spanish.number(1234), english.number(-5)) == ("1,234", "1234", "\N{MINUS SIGN}5")
    assert english.time("2026-03-01T00:30:00.000+01:00") == "28 February 2026, 23:30 UTC"
    assert spanish.day(NOW) == "22 de noviembre de 2026"
    assert [spanish.tick("2026-01-05", grain) for grain in ("week", "month", "year")] == ["5 ene", "ene 2026", "2026"]
    assert (english.size(999), english.size(64_000_000), spanish.size(2_500)) == ("999 B", "64.0 MB", "2 kB")


@pytest.mark.parametrize(
    ("low", "high", "whole", "scale"),
    [
        (0, 1, True, [0, 1]),
        (0, 17, True, [0, 5, 10, 15, 20]),
        (-68, -58, False, [-70, -65, -60, -55]),
        (40.5, 40.5, False, [40.5, 40.55]),
        (0, 1_000_000, True, [0, 500_000, 1_000_000]),
    ],
)
def test_an_axis_has_few_round_values_around_all_others(
    low: float, high: float, whole: bool, scale: list[float]
) -> None:
    """Also when all values are the same, and whole ones for what is counted."""
    assert ticks_between(low, high, whole=whole) == pytest.approx(scale)


def test_a_portable_copy_says_that_it_is_one() -> None:
    """It is not everything, and says so first."""
    digest = Digest()
    digest.add(held("people", "person", personId="p", email=ADDRESS))
    page = index_page(Summary(scope="portability", cut_off=NOW, language=Language.ENGLISH, digest=digest))
    assert "to take with you, as of 22 November 2026" in page
    assert "Everything that we hold" not in page


def test_a_portable_copy_says_nothing_of_what_it_does_not_hold() -> None:
    """What was not asked for is not in it, which is no word about whether it exists."""
    digest = Digest()
    digest.add(held("people", "person", personId="p", email=ADDRESS))
    digest.add(held("people", "link", deviceId=KITCHEN, role="owner", state="active", since=ago(days=9), country="ES"))
    missing = [
        {"record": one.record, "why": one.why, "article": one.article, "instead": one.instead}
        for container, declared in CONTAINERS.items()
        for name, record in declared.records.items()
        if (one := left_out("portability", record, name, "ES" if container == "telemetry" else None)) is not None
    ]
    page = index_page(
        Summary(scope="portability", cut_off=NOW, language=Language.ENGLISH, digest=digest, left_out=missing)
    )
    for untold in ('id="seen"', 'id="kept"', "has looked", "Nothing of yours is blocked", "No restriction", "Calls"):
        assert untold not in page
    held_of = {key: text.partition("</article>")[0] for key, text in zip(*parted(page), strict=True)}
    assert "Nothing of this kind is in this copy." in held_of["usage"]
    assert "Nothing of this kind is in this copy." in held_of["service"]
    assert "Nothing of this kind is held." in held_of["interactions"]
    assert CONTAINERS["people"].records["erasureRequest"].about not in held_of["person"]
    assert CONTAINERS["people"].records["consent"].about in held_of["person"]
    assert "also who saw your data" in page
    assert '<th scope="col">State' not in page
    assert Read(page).headings.count(1) == 1


def parted(page: str) -> tuple[list[str], list[str]]:
    """The categories of a page, and what it says of each."""
    parts = page.split('<h3 id="of-')[1:]
    return [part.partition('"')[0] for part in parts], parts


def test_what_has_one_value_is_told_and_not_drawn() -> None:
    """A single point is no curve, and a single bar no course of anything."""
    digest = Digest()
    columns: dict[str, dict[str, list[Any]]] = {"system_health": {"observedAt": [ago(hours=1)], "cpuPercent": [5]}}
    digest.add(readings_of(KITCHEN, "performance", NOW, columns))
    page = index_page(Summary(scope="access", cut_off=NOW, language=Language.ENGLISH, digest=digest))
    figure = page.partition("<figure")[2].partition("</figure>")[0]
    assert "Per day, 22 November 2026: 5.0 %." in figure
    assert "<svg" not in figure
    assert "<table>" in figure


def test_single_fields_of_what_is_not_held_are_left_to_the_manifest() -> None:
    """The page names what a reader misses; technical records are folded away."""
    digest = Digest()
    digest.add(held("people", "person", personId="p", email=ADDRESS))
    fields = [
        {"record": f"people/{name}", "why": "it was made by this service", "article": "GDPR 20(1)", "fields": ["at"]}
        for name in ("person", "consent")
    ]
    page = index_page(
        Summary(scope="portability", cut_off=NOW, language=Language.ENGLISH, digest=digest, left_out=fields)
    )
    missing = page.partition('<h2 id="left-out">')[2].partition("</section>")[0]
    folded = missing.partition("<details>")[2]
    assert CONTAINERS["people"].records["person"].about in folded
    assert CONTAINERS["people"].records["consent"].about not in missing


def test_the_templates_are_part_of_the_package() -> None:
    """What is deployed has them: they lie beside the code that reads them."""
    assert {path.name for path in Path(REPORT / "templates").iterdir()} == {
        "index.html.j2",
        "parts.html.j2",
        "style.css",
    }
