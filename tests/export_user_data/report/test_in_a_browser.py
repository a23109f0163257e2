"""The page in a real browser: on a phone and on a desk, by day and by night, and on paper.

What the browser shows is left in `.local/screenshots/`, for a person to look at. There are no reference pictures to
compare with: fonts differ from machine to machine, and a picture that differs says nothing of what is wrong.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.export_user_data.report.__main__ import FOLDER, SCHEMES, WIDTHS, written
from tests.export_user_data.report.browser import CHROMIUM, Scheme, Tab, browser

pytestmark = pytest.mark.wire

PHONE = 390
FIRST_SCREEN = 844
READABLE_PX = 11
TEXT_CONTRAST, PLOT_CONTRAST = 4.5, 3.0

TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(one => !one.closest('.scroll, .skip, .hidden, thead') && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.tagName + '.' + one.getAttribute('class') + ' ' + one.textContent.slice(0, 40))
"""

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true })"

COLOURS = """
(() => {
  const behind = one => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = {};
  for (const one of document.querySelectorAll('body *')) {
    const style = getComputedStyle(one), inside = one instanceof SVGElement;
    const says = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (says && one.checkVisibility()) found[['text', inside ? style.fill : style.color, behind(one)]] = true;
    if (one.matches('.plot-svg .bars rect, .plot-svg path.nofill')) found[['plot', style.stroke, behind(one)]] = true;
  }
  return Object.keys(found);
})()
"""

SMALLEST = """
Math.min(...[...document.querySelectorAll('.plot-svg text')].map(
  one => parseFloat(getComputedStyle(one).fontSize) * one.closest('svg').getBoundingClientRect().width / 340))
"""


@pytest.fixture(scope="module")
def pages() -> list[Path]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt install chromium")
    return written()


@pytest.fixture
async def tab(pages: list[Path]) -> AsyncIterator[Tab]:
    assert pages
    async with browser() as opened:
        yield opened


def luminance(colour: str) -> float:
    """As WCAG defines it; `rgb(…)` as browsers compute it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


async def faint(tab: Tab) -> list[tuple[str, str, str]]:
    """What can hardly be told from what is behind it."""
    found: list[Any] = [re.split(r",(?=rgb)", colours) for colours in await tab.value(COLOURS)]
    assert {kind for kind, *_ in found} >= {"text"}
    needed = {"text": TEXT_CONTRAST, "plot": PLOT_CONTRAST}
    return [(kind, front, behind) for kind, front, behind in found if contrast(front, behind) < needed[kind]]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_the_page_is_readable_on_every_screen(pages: list[Path], tab: Tab, width: int, scheme: Scheme) -> None:
    """Nothing is wider than the screen, every text stands out, nothing is asked of the network, nobody complains."""
    for page in pages:
        await tab.show(page, width=width, scheme=scheme)
        page.with_suffix(f".{width}.{scheme}.png").write_bytes(await tab.picture())
        assert await tab.value("innerWidth") == width
        assert await tab.value("document.documentElement.scrollWidth") <= width
        await tab.value(OPEN_ALL)
        assert await tab.value("document.documentElement.scrollWidth") <= width
        assert await tab.value(TOO_WIDE) == []
        assert await faint(tab) == []
        assert [url for url in tab.asked_for() if not url.startswith("data:")] == [page.as_uri()]
        assert tab.complaints() == []
        is_dark = luminance(await tab.value("getComputedStyle(document.body).backgroundColor")) < 0.2
        assert is_dark == (scheme == "dark")


async def test_a_phone_shows_first_what_matters(pages: list[Path], tab: Tab) -> None:
    """Whose copy it is, as of when, how much there is and what one can do come first; plots are readable."""
    for page in pages:
        await tab.show(page, width=PHONE, height=FIRST_SCREEN)
        page.with_suffix(".first.png").write_bytes(await tab.picture(whole=False))
        bottom = await tab.value("document.querySelector('a[href=\"#rights\"]').getBoundingClientRect().bottom")
        assert bottom <= FIRST_SCREEN
    await tab.show(FOLDER / "household.es.html", width=PHONE)
    assert await tab.value(SMALLEST) >= READABLE_PX


async def test_the_page_can_be_read_by_keyboard_and_by_ear(pages: list[Path], tab: Tab) -> None:
    """The first key leads past the navigation; headings, navigation, plots and tables have names."""
    await tab.show(pages[0], width=PHONE)
    await tab.ask("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert await tab.value("document.activeElement.getAttribute('href')") == "#main"
    tree = (await tab.ask("Accessibility.getFullAXTree"))["nodes"]
    roles = {"image", "heading", "navigation", "main", "region", "table"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"]
        and node["role"]["value"] in roles - {"main", "table"}
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert roles <= {node["role"]["value"] for node in tree if not node["ignored"]}


async def test_the_page_prints_on_paper(pages: list[Path], tab: Tab) -> None:
    """A few A4 pages with every section, black on white by night as well; no plot is cut in two."""
    page = FOLDER / "household.en.html"
    assert page in pages
    await tab.show(page, width=1280, scheme="dark")
    titles = await tab.value("[...document.querySelectorAll('h2')].map(one => one.textContent)")
    printed = await tab.printed()
    page.with_suffix(".pdf").write_bytes(printed)
    sheets = re.findall(rb"/Type\s*/Page\b", printed)
    assert 4 <= len(sheets) <= 16
    assert re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)", printed)[0] in {(b"594", b"841"), (b"595", b"842")}
    outline = printed.decode("latin-1")
    assert [title for title in titles if f"({title})" not in outline] == []
    await tab.ask("Emulation.setEmulatedMedia", media="print")
    assert luminance(await tab.value("getComputedStyle(document.body).backgroundColor")) == 1
    assert luminance(await tab.value("getComputedStyle(document.body).color")) == 0
    assert await tab.value("getComputedStyle(document.querySelector('.plot')).breakInside") == "avoid"
    assert await faint(tab) == []
