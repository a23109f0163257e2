"""Plots of what a monitor reported, drawn by pygal: parts of the page, without a script, a font or an address.

pygal gives each of its plots a style sheet, a script and comments of its own; the page has one style sheet for all, and
the rest is taken out.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET

from export_user_data.report.observed import FAULTS, UNSAID, Observed
from export_user_data.report.series import Series
from export_user_data.report.words import Words

WIDTH: Final = 340
HEIGHT: Final = 200
LABEL_PX: Final = 14
TICKS: Final = 4
NONE: Final = "\N{EN DASH}"
"""Where there is no value."""

LABELS: Final = 4
"""Names of buckets below a plot; in between there is no room for more."""

_LONG: Final = re.compile(r"-?\d+\.\d{2,}")
_LEFT_OUT: Final = {"desc", "title", "style", "script", "defs"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a plot: its name, and a value or nothing for each bucket."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Plot:
    """What the page shows of one topic."""

    heading: str
    description: str
    """The plot in a sentence, for those who do not see it."""
    svg: str
    lines: Sequence[Line]
    is_bars: bool
    buckets: Sequence[str]
    table: Sequence[Sequence[str]]
    """The same figures: a row a bucket, without those that have none."""


@dataclass(frozen=True, slots=True)
class _Topic:
    heading: str
    unit: str
    names: tuple[str, ...] = ()
    """What is counted, in the order of the plot; without any it has samples."""


_TOPICS: Final = {
    "calls": _Topic("Calls", "", ("answered", "missed", "auto_on")),
    "doors": _Topic("Door openings", "", ("monitor", "app", UNSAID)),
    "temperature": _Topic("Temperature inside the monitor", "°C"),
    "memory": _Topic("Memory in use", "MB"),
    "processor": _Topic("Processor load", "%"),
    "wifi": _Topic("Wi-Fi signal", "dBm"),
    FAULTS: _Topic("Failures and restarts", "", ("failures", "restarts", "reconnections")),
}
USE: Final = ("calls", "doors")
HEALTH: Final = ("temperature", "memory", "processor", "wifi", FAULTS)


def plots(observed: Observed, topics: Iterable[str], words: Words) -> list[Plot]:
    """The plots of those topics of which there is something."""
    return [_plot(_TOPICS[topic], observed.topics[topic], words) for topic in topics if topic in observed.topics]


def nothing_of(observed: Observed, topics: Iterable[str], words: Words) -> list[str]:
    """The headings of the others."""
    return [words.text(_TOPICS[topic].heading) for topic in topics if topic not in observed.topics]


def _plot(topic: _Topic, series: Series, words: Words) -> Plot:
    starts = series.starts()
    lines = _counted(topic, series, starts, words) if topic.names else _sampled(series, starts, words)
    heading = words.text(topic.heading) + (f" ({topic.unit})" if topic.unit else "")
    full = [words.bucket(start, series.grain) for start in starts]
    decimals = 0 if topic.names else 1
    rows = [
        [bucket, *(NONE if value is None else words.number(value, decimals) for value in values)]
        for bucket, *values in zip(full, *(line.values for line in lines), strict=True)
        if any(values if topic.names else (value is not None for value in values))
    ]
    description = _description(topic, series, lines, words)
    ticks = [words.tick(start, series.grain) for start in starts]
    svg = _drawn(lines, ticks, words, is_bars=bool(topic.names), label=f"{heading}. {description}")
    return Plot(heading, description, svg, lines, bool(topic.names), full, rows)


def _counted(topic: _Topic, series: Series, starts: Sequence[str], words: Words) -> list[Line]:
    named = {name for cells in series.buckets.values() for name in cells}
    return [
        Line(words.word(name), [series.buckets.get(start, {}).get(name, [0])[0] for start in starts])
        for name in topic.names
        if name in named
    ]


def _sampled(series: Series, starts: Sequence[str], words: Words) -> list[Line]:
    cells = [next(iter(series.buckets.get(start, {}).values()), None) for start in starts]
    return [
        Line(words.text("highest"), [cell[3] if cell else None for cell in cells]),
        Line(words.text("mean"), [cell[1] / cell[0] if cell else None for cell in cells]),
        Line(words.text("lowest"), [cell[2] if cell else None for cell in cells]),
    ]


def _description(topic: _Topic, series: Series, lines: Sequence[Line], words: Words) -> str:
    per = words.text({"day": "Per day", "week": "Per week", "month": "Per month", "year": "Per year"}[series.grain])
    first, last = (f"{day}T00:00:00Z" for day in (series.first, series.last))
    when = words.between(first, last) if first != last else words.day(first)
    if topic.names:
        what = ", ".join(f"{words.number(sum(filter(None, line.values)))} {line.name}" for line in lines)
    else:
        highest, lowest = (
            words.number(pick(value for value in lines[place].values if value is not None), 1)
            for pick, place in ((max, 0), (min, 2))
        )
        form = words.text("between %(lowest)s and %(highest)s %(unit)s")
        span = form % {"lowest": lowest, "highest": highest, "unit": topic.unit}
        what = span if lowest != highest else f"{highest} {topic.unit}"
    return f"{per}, {when}: {what}."


def ticks_between(low: float, high: float, *, whole: bool) -> list[float]:
    """Round values from below the lowest to above the highest, about four steps apart."""
    rough = max(high - low, 1 if whole else 0.1) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return [place * step for place in range(first, last + 1)]


def _drawn(lines: Sequence[Line], ticks: Sequence[str], words: Words, *, is_bars: bool, label: str) -> str:
    import pygal  # noqa: PLC0415 - loaded where used
    from pygal.style import Style  # noqa: PLC0415

    values = [value for line in lines for value in line.values if value is not None]
    low, high = min(values), max(values)
    if is_bars:
        low, high = (
            0,
            max(sum(filter(None, of_bucket)) for of_bucket in zip(*(line.values for line in lines), strict=True)),
        )
    scale = ticks_between(low, high, whole=is_bars)
    decimals = 0 if all(step.is_integer() for step in scale) else 1
    chart = (pygal.StackedBar if is_bars else pygal.Line)(
        width=WIDTH,
        height=HEIGHT,
        margin=6,
        spacing=6,
        js=[],
        css=[],
        style=Style(label_font_size=LABEL_PX, major_label_font_size=LABEL_PX, font_family="sans-serif"),
        show_legend=False,
        allow_interruptions=True,
        dots_size=2,
        range=(scale[0], scale[-1]),
        value_formatter=lambda value: words.number(value, decimals),
        truncate_label=-1,
    )
    chart.x_labels = _spaced(ticks)
    chart.y_labels = scale
    for place, line in enumerate(lines):
        chart.add(line.name, line.values, show_dots=not is_bars and (place == 1 or len(ticks) == 1))
    return _cleaned(chart.render_tree(), label)


def _spaced(ticks: Sequence[str]) -> list[str]:
    """A few of the names, evenly; the others would lie over each other."""
    every = math.ceil(len(ticks) / LABELS)
    return [tick if place % every == 0 else "" for place, tick in enumerate(ticks)]


def _cleaned(root: Any, label: str) -> str:
    """The drawing alone: without what pygal adds for a file of its own, and with an accessible name."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in _LEFT_OUT or _is_empty(child):
                parent.remove(child)
            else:
                child.attrib.update({name: _LONG.sub(_short, value) for name, value in child.attrib.items()})
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": label, "class": "plot-svg"})
    return ET.tostring(root, encoding="unicode")


def _is_empty(node: Any) -> bool:
    """What is there for scripts that the page does not have, for labels left out, and for bars without height."""
    is_bar = node.tag == "g" and node.get("class") == "bar"
    flat = is_bar and any(float(part.get("height", "1")) == 0 for part in node if part.tag == "rect")
    overlay = "overlay" in node.get("class", "") or node.get("class") == "titles"
    return flat or overlay or (node.tag == "text" and not node.text)


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
