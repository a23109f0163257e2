"""An installation to write documents for, and what a page shows."""

from html.parser import HTMLParser
from typing import Final

from shared.controller import Controller, Installation

CONTROLLER: Final = {
    "name": "Blue & Sons <Valencia>",
    "postalAddress": "Calle de Ejemplo 1, 46000 Valencia",
    "privacyContact": "privacy@blue.example",
    "dataProtectionOfficer": "dpo@blue.example",
    "website": "https://blue.example",
}
INSTALLATION: Final = Installation(Controller.model_validate(CONTROLLER), "Microsoft Azure, Spain Central (Madrid)")


class Page(HTMLParser):
    """The text of a page, its elements, and every address that it would load or lead to."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.addresses: list[str] = []
        self.language: str | None = None
        self.feed(written)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data"}]
        if tag == "html":
            self.language = dict(attrs)["lang"]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
