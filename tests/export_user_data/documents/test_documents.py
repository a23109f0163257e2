"""The documents: everything that the data map declares is in them, in both languages, as data and as pages."""

import re
from typing import Any

import pytest

from export_user_data.documents import pages
from export_user_data.documents.data_sheets import data_sheet
from export_user_data.documents.notice import notice
from export_user_data.documents.processing import record_of_processing
from export_user_data.documents.serving import complete
from export_user_data.documents.words import catalogue, words
from export_user_data.erasure.plan import becomes
from shared.data_map import (
    BLOBS,
    CATEGORIES,
    CONTAINERS,
    HUBS,
    OUTSIDE,
    READINGS,
    RECIPIENTS,
    TECHNICAL,
    Category,
    blocking,
)
from shared.data_map.products import ANY_MONITOR, PRODUCTS, product_of
from shared.errors import Problem
from shared.templates import Language
from shared.wording import Untranslated
from tests.export_user_data.documents.written import INSTALLATION, Page
from tests.test_manifest import manifest

DOCUMENTS = [("notice", ""), ("products", ""), ("record-of-processing", ""), *(("data-sheet", one) for one in PRODUCTS)]
EVERY = [(*document, language) for document in DOCUMENTS for language in Language]


def fields(records: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(one["container"], one["record"], field["name"]) for one in records for field in one["fields"]}


def declared(*containers: str) -> set[tuple[str, str, str]]:
    return {
        (container, name, field)
        for container in containers
        for name, record in CONTAINERS[container].records.items()
        for field in record.fields
    }


def test_every_stored_field_is_in_the_notice() -> None:
    """With source and what it is; each record with its period and what comes after."""
    records = [record for category in notice(Language.ENGLISH)["categories"] for record in category["records"]]
    assert fields(records) == declared(*CONTAINERS)
    assert all(record["kept"] and record["afterwards"] for record in records)
    assert all(field["about"] and field["source"] for record in records for field in record["fields"])


def test_every_reading_recipient_and_place_is_in_the_notice() -> None:
    """Whatever a monitor may send, whoever is given something, wherever it lies."""
    written = notice(Language.ENGLISH)
    readings = {one["kind"]: one for category in written["categories"] for one in category["readings"]}
    assert readings.keys() == READINGS.keys()
    for kind, declared_kind in READINGS.items():
        assert {field["name"] for field in readings[kind]["fields"]} == declared_kind.fields.keys()
    assert {one["recipient"] for one in written["recipients"]} == RECIPIENTS.keys()
    assert len(written["places"]) == len(HUBS) + len(BLOBS) + len(OUTSIDE)


def test_every_category_says_purpose_basis_and_end() -> None:
    """And whether its end is a destruction or a block, how long and why."""
    for category in notice(Language.ENGLISH)["categories"]:
        rule = CATEGORIES[Category(category["category"])]
        assert (category["purpose"], category["basis"]) == (rule.purpose, rule.basis)
        assert category["whenItEnds"].startswith("blocked for 3 years" if rule.on_expiry == "block" else "destroyed")
        assert rule.blocked_why in category["whenItEnds"]


def test_a_record_says_both_of_its_ends() -> None:
    """What becomes of it when its time is over, and at an erasure, which may be otherwise."""
    told = {
        (record["container"], record["record"]): record["afterwards"]
        for category in notice(Language.ENGLISH)["categories"]
        for record in category["records"]
    }
    for container, definition in CONTAINERS.items():
        for name, record in definition.records.items():
            said = told[container, name]
            if record.retention is None and record.erasure != "purge":
                assert said == "nothing: it stays"
                continue
            if record.erasure == "purge":
                assert ("blocked for 3 years" in said) == (becomes(record) == "block")
            if record.retention is not None:
                assert said.removeprefix("when its time is over: ").startswith("blocked") == bool(blocking(record))
    for both in (("people", "rightsRequest"), ("identities", "invitation"), ("identities", "guardianInvitation")):
        assert told[both].startswith("when its time is over: destroyed (")
        assert "; when it is erased before: blocked for 3 years" in told[both]


def test_the_basis_is_said_for_every_country() -> None:
    """Where use is collected with consent only it rests on that, in both layers and in the record of processing."""
    written = notice(Language.ENGLISH)
    for categories in (written["categories"], record_of_processing(Language.ENGLISH)["activities"]):
        bases = {one["category"]: one["basisInCountries"] for one in categories}
        assert bases.pop("usage") == {"DE": "consent (GDPR 6(1)(a))"}
        assert not any(bases.values())
    [first] = [one["says"] for one in written["firstLayer"] if one["about"] == "Legal basis"]
    assert "How the monitor is used (DE): consent (GDPR 6(1)(a))" in first
    for document in ("notice", "record-of-processing"):
        page = Page(pages.page(complete(document, Language.SPANISH, INSTALLATION), linked=False))
        assert "DE: consentimiento (RGPD, art. 6.1.a)" in page.text


def test_every_way_to_a_right_is_told() -> None:
    """Live access, a transfer to another service, and a request in one's own words; also by letter, in the data."""
    written = notice(Language.ENGLISH)
    told = {one["right"]: set(one["operations"]) for one in written["rights"]}
    assert told["access"] >= {"GET /api/me/data", "GET /api/me/data/{category}", "POST /api/me/exports"}
    assert "POST /api/me/exports/{exportId}/transfers" in told["portability"]
    assert {name for name, ways in told.items() if "POST /api/me/requests" not in ways} == {"product_data"}
    assert "by letter or e-mail" in written["howElse"]


def test_a_data_sheet_names_only_what_erases() -> None:
    """Giving a monitor up ends a period and erases nothing of it."""
    sheet = data_sheet("veo-wifi", Language.ENGLISH)
    assert {one["operation"] for one in sheet["erase"]} == {"POST /api/me/erasures"}
    assert "GET /api/me/data" in {one["operation"] for one in sheet["reach"]}


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_stored_field_of_a_device_is_in_its_data_sheet(product: str) -> None:
    """Also what varies by product, and every kind of reading that it sends."""
    sheet = data_sheet(product, Language.ENGLISH)
    assert fields(sheet["records"]) == declared("devices", "telemetry")
    assert {field["name"] for field in sheet["technical"]} == TECHNICAL.keys()
    assert {one["kind"] for one in sheet["readings"]} == READINGS.keys()


def test_the_volume_is_what_the_rates_make() -> None:
    """Counted, and said to be an estimate; performance is apart, for it is off as a rule."""
    sheet = data_sheet("veo-wifi", Language.ENGLISH)
    daily = {one["kind"]: one["perDay"] * one["bytes"] for one in sheet["readings"]}
    usage = sum(daily[kind] for kind, declared_kind in READINGS.items() if declared_kind.category is Category.USAGE)
    assert sheet["volume"]["usageBytesPerDay"] == round(usage)
    assert sheet["volume"]["performanceBytesPerDay"] == round(sum(daily.values()) - usage)
    assert "Estimated" in sheet["volume"]["assumption"]
    assert "while a support case is open" in {one["kind"]: one["when"] for one in sheet["readings"]}["event_log"]


@pytest.mark.parametrize(
    ("model", "product"),
    [
        ("VEO-XS WIFI", "veo-xs-wifi"),
        ("VEO-XS  Wifi", "veo-xs-wifi"),
        ("VEO", "veo-wifi"),
        ("2N Indoor Touch 2.0", ANY_MONITOR),
        ("", ANY_MONITOR),
    ],
)
def test_a_model_that_nobody_declared_has_a_sheet_as_well(model: str, product: str) -> None:
    """That of any monitor: what a monitor says of its model is no closed list."""
    assert product_of(model) == product


def test_there_is_no_data_sheet_of_an_unknown_product() -> None:
    """The error says where the list is."""
    with pytest.raises(Problem) as refused:
        data_sheet("toaster", Language.ENGLISH)
    assert refused.value.code == "product_unknown"


def test_the_record_of_processing_has_every_category() -> None:
    """With whose data, which data, how long, to whom, and what protects it."""
    record = record_of_processing(Language.ENGLISH)
    assert [one["category"] for one in record["activities"]] == [category.value for category in Category]
    assert all(one["dataSubjects"] and one["purpose"] for one in record["activities"])
    told = sum(len(one["data"]) for one in record["activities"])
    assert told == sum(len(container.records) for container in CONTAINERS.values())
    assert record["security"]
    assert record["transferSafeguards"]


def test_every_operation_that_a_document_names_exists() -> None:
    """Nobody is sent to an address that is not there."""
    real = {f"{one['methods'][0]} /api/{one['route']}" for one in manifest() if "route" in one}
    told = notice(Language.ENGLISH)["rights"]
    sheet = data_sheet("veo-wifi", Language.ENGLISH)
    named = {operation for one in told for operation in one["operations"]}
    named |= {one["operation"] for one in (*sheet["reach"], *sheet["erase"])}
    assert sorted(named - real) == []


def test_the_rights_say_how_they_are_used() -> None:
    """Live, by a copy, by handing it directly to others, and by a request with a legal clock."""
    operations = {one["right"]: set(one["operations"]) for one in notice(Language.ENGLISH)["rights"]}
    assert "GET /api/me/data" in operations["access"]
    assert "POST /api/me/exports/{exportId}/transfers" in operations["portability"]
    by_request = {"POST /api/me/requests", "GET /api/me/requests"}
    assert {name for name, named in operations.items() if not by_request <= named} == {"product_data"}


@pytest.mark.parametrize(("document", "product", "language"), EVERY)
def test_every_document_is_a_page(document: str, product: str, language: Language) -> None:
    """In its language, well-formed, with who is responsible; it loads nothing and runs nothing."""
    written = pages.page(complete(document, language, INSTALLATION, product=product), linked=True)
    page = Page(written)
    assert page.open == []
    assert page.language == language.value
    assert not page.elements & {"script", "img", "link", "iframe", "form", "object"}
    assert "url(" not in written
    assert all(address.startswith(("?language=", "products/")) for address in page.addresses)
    if document != "products":
        assert INSTALLATION.controller.name in page.text  # which would be markup, were it not escaped
        assert INSTALLATION.storage_place in page.text


def test_a_page_in_a_bundle_leads_nowhere() -> None:
    """It is read from a folder."""
    for document in ("notice", "data-sheet"):
        content = complete(document, Language.SPANISH, INSTALLATION, product="veo-wifi")
        assert Page(pages.page(content, linked=False)).addresses == []


def test_the_notice_names_the_authority_the_officer_and_the_place() -> None:
    """Where to complain, whom to ask, and where everything lies."""
    page = Page(pages.page(complete("notice", Language.SPANISH, INSTALLATION), linked=True))
    for told in ("Agencia Española de Protección de Datos", "dpo@blue.example", "Spain Central (Madrid)", "14 años"):
        assert told in page.text


def english_only(text: str) -> set[str]:
    """Words that no Spanish text has."""
    return set(re.findall(r"\b(?:the|which|whose|person|monitor's|when|kept|with)\b", text))


@pytest.mark.parametrize(("document", "product"), DOCUMENTS)
def test_nothing_of_a_spanish_document_is_english(document: str, product: str) -> None:
    """But for the words of closed lists and the names of fields."""
    page = Page(pages.page(complete(document, Language.SPANISH, INSTALLATION, product=product), linked=False))
    assert english_only(page.text) <= {"kept", "person"}  # words of closed lists, explained in Spanish


def test_a_phrase_without_spanish_is_a_fault() -> None:
    """It is not shown in English."""
    with pytest.raises(Untranslated, match="Once upon a time"):
        words(Language.SPANISH)("Once upon a time")


def test_no_phrase_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what no document says any more, the catalogue keeps nothing."""
    said: set[str] = set()

    class Asked(dict[str, str]):
        def __getitem__(self, phrase: str) -> str:
            said.add(phrase)
            return super().__getitem__(phrase)

    known = Asked(catalogue(Language.SPANISH))
    monkeypatch.setattr("export_user_data.documents.words.catalogue", lambda _language: known)
    for document, product in DOCUMENTS:
        pages.page(complete(document, Language.SPANISH, INSTALLATION, product=product), linked=False)
    assert sorted(known.keys() - said - {"{number} hours", "1 year"}) == []
