"""Make the sample pages for a person to look at: `python -m tests.export_user_data.report`.

They lie in `.local/screenshots/` then, in both languages; with chromium also as it shows and prints them.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from shared.templates import Language
from tests.export_user_data.report.browser import CHROMIUM, Scheme, browser
from tests.export_user_data.report.sample import empty_page, household_page

FOLDER: Final = Path(__file__).parents[3] / ".local" / "screenshots"
WIDTHS: Final = (390, 1280)
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


def written() -> list[Path]:
    """The pages as files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = {f"household.{language.value}": household_page(language) for language in Language}
    pages["empty.en"] = empty_page()
    for name, page in pages.items():
        (FOLDER / f"{name}.html").write_text(page, encoding="utf-8")
    return [FOLDER / f"{name}.html" for name in pages]


async def pictured(page: Path) -> None:
    """A page on a phone and on a desk, by day and by night, and on paper."""
    async with browser() as tab:
        for width in WIDTHS:
            for scheme in SCHEMES:
                await tab.show(page, width=width, scheme=scheme)
                page.with_suffix(f".{width}.{scheme}.png").write_bytes(await tab.picture())
        page.with_suffix(".pdf").write_bytes(await tab.printed())


async def main() -> None:
    """Make them all."""
    for page in written():
        sys.stdout.write(f"{page}\n")
        if CHROMIUM is not None:
            await pictured(page)


if __name__ == "__main__":
    asyncio.run(main())
