"""Documents as pages: HTML that loads nothing and is readable on phone and paper; everything in it is escaped."""

from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from export_user_data.documents.words import FOLDER, words
from shared.templates import Language

if TYPE_CHECKING:
    from jinja2 import Environment


def page(content: dict[str, Any], *, linked: bool) -> str:
    """The page of a document; `linked` where its language can be changed by a link."""
    template = _environment().get_template(f"{content['document']}.html.j2")
    return template.render(
        document=content, _=words(Language(content["language"])), linked=linked, bytes_said=_bytes_said
    )


def words_of(written: str) -> str:
    """What a page says, without its markup and style."""
    reader = _Reader()
    reader.feed(written)
    reader.close()
    return " ".join(" ".join(reader.said).split())


class _Reader(HTMLParser):
    """It keeps what is read by people."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style":
            self.said.append(data)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - loaded where used

    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _bytes_said(count: float) -> str:
    """An amount of data as people say it, rounded: it is an estimate."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - of each unit
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.0f} GB"
