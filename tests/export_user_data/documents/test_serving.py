"""How documents are served: in the language and form that are asked for, and not twice to who has them."""

import json
from http import HTTPStatus

import pytest

from export_user_data.documents.bundled import documents_for
from export_user_data.documents.schemas import all_schemas
from export_user_data.documents.serving import served
from export_user_data.documents.versions import present
from shared.consent_texts import present as consent
from shared.data_map.choices import PURPOSES
from shared.errors import Problem
from shared.http import HTML, JSON, Document
from shared.templates import Language
from tests.export_user_data.documents.written import CONTROLLER, INSTALLATION


def get(query: dict[str, str] | None = None, **headers: str) -> Document:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return served("notice", INSTALLATION, query or {}, named)


def test_a_document_is_json_unless_a_page_is_asked_for() -> None:
    """By the query, else by Accept as browsers send it."""
    assert get().media_type == get(Accept="*/*").media_type == JSON
    assert get(Accept="text/html,application/xhtml+xml,*/*;q=0.8").media_type == HTML
    assert get({"format": "html"}).media_type == HTML
    assert get({"format": "json"}, Accept="text/html").media_type == JSON


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.3, es;q=0.8", "es"),
        ("ca, de;q=0.9, es;q=0.5, en;q=0.4", "es"),
        ("de", "en"),
        ("fr, es; q=0.8, en; q=0.7", "es"),
        ("EN ; Q = 0.3 , ES ; Q = 0.8", "es"),
        ("es;level=1;q=0.9, en;q=0.1", "es"),
        ("es;q=0", "en"),
        ("es;q=0.000, en;q=0.1", "en"),
        ("es;q=nan, es;q=7, es;q=-1, en;q=0.2", "en"),
        ("es;q=much, en", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_what_the_browser_prefers(accepted: str, language: str) -> None:
    """English where it speaks none of them."""
    answer = get(Accept_Language=accepted)
    assert answer.headers["Content-Language"] == language == json.loads(answer.written)["language"]


def test_the_language_in_the_query_counts_first() -> None:
    """It is what somebody chose."""
    assert json.loads(get({"language": "es"}, Accept_Language="en").written)["language"] == "es"


@pytest.mark.parametrize(("query", "pointer"), [({"language": "fr"}, "/language"), ({"format": "pdf"}, "/format")])
def test_a_form_that_there_is_not_is_refused(query: dict[str, str], pointer: str) -> None:
    """And named."""
    with pytest.raises(Problem) as refused:
        get(query)
    assert (refused.value.code, refused.value.pointer) == ("field_out_of_range", pointer)


def test_a_document_names_its_version_and_who_is_responsible() -> None:
    """What the settings say stands beside what is generated."""
    told = json.loads(get().written)
    assert told["version"] == present("notice").version
    assert told["controller"] == CONTROLLER
    assert told["storagePlace"] == INSTALLATION.storage_place


def test_who_has_a_document_is_not_sent_it_again() -> None:
    """Each language and form is another answer."""
    etag = get().headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = get(If_None_Match=known)
        assert (again.status, again.written, again.headers["ETag"]) == (HTTPStatus.NOT_MODIFIED, "", etag)
    assert get({"language": "es"}, If_None_Match=etag).status == HTTPStatus.OK
    assert get({"format": "html"}, If_None_Match=etag).status == HTTPStatus.OK
    assert get().headers["Vary"] == "Accept, Accept-Language"


def test_a_page_may_load_and_run_nothing() -> None:
    """Also if something got into it."""
    assert get({"format": "html"}).headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("language", Language)
def test_a_bundle_gets_the_documents_that_apply(language: Language) -> None:
    """The notice, the sheets of its models, the texts that may be consented to, and a schema of each thing in it."""
    documents = documents_for(["VEO-XS WIFI", "veo-xs wifi", "Somebody else's"], language, INSTALLATION)
    sheets = {f"data-sheet.{one}.{language}.html" for one in ("veo-xs-wifi", "wifi-monitor")}
    texts = {f"consents/{one}.{consent(one, language).version}.{language}.txt" for one in PURPOSES}
    schemas = {f"schemas/{name}.schema.json" for name in all_schemas()}
    assert documents.keys() == {f"notice.{language}.html"} | sheets | texts | schemas
    for purpose in PURPOSES:
        text = consent(purpose, language)
        assert documents[f"consents/{purpose}.{text.version}.{language}.txt"].decode() == text.written


def test_a_bundle_without_a_monitor_has_no_data_sheet() -> None:
    """Nothing is told of what somebody has not."""
    assert not [name for name in documents_for([], Language.ENGLISH, INSTALLATION) if "sheet" in name]
