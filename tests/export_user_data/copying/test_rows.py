"""Rows of readings: what stands in the columns, reading by reading, in both forms."""

import csv
import io
import json
from typing import Any

import pytest

from export_user_data.copying.rows import FORMULA_STARTS, written
from export_user_data.walk import READING_TAIL, reading_columns, readings

ITEM: dict[str, Any] = {
    "category": "performance",
    "messageId": "m",
    "receivedAt": "2026-05-02T00:00:00.000Z",
    "clockOffsetS": 0.5,
    "columns": {
        "system_health": {
            "observedAt": ["2026-05-01T00:00:00Z", "2026-04-30T23:59:59Z", "2026-05-01T00:00:01Z"],
            "cpuPercent": [1, None, 2.5],
            "sdCardInserted": [True, False, None],
        },
        "event_log": {
            "observedAt": ["2026-05-01T00:00:02Z"],
            "level": ["info"],
            "message": ['=1+1, "señal"\r\nnext'],
        },
    },
}


def test_the_lines_are_the_readings() -> None:
    """As the plain walk over the item gives them, in files of their months, with first and last time."""
    found = list(written(ITEM, reading_columns("performance"), READING_TAIL))
    rows = [json.loads(line) for one in found for line in one.lines]
    assert sorted(rows, key=str) == sorted(readings(ITEM), key=str)
    assert [(one.month, one.first, one.last) for one in found] == [
        ("2026-04", "2026-04-30T23:59:59Z", "2026-04-30T23:59:59Z"),
        ("2026-05", "2026-05-01T00:00:00Z", "2026-05-01T00:00:01Z"),
        ("2026-05", "2026-05-01T00:00:02Z", "2026-05-01T00:00:02Z"),
    ]


def test_the_table_holds_the_same() -> None:
    """Cell by cell; what a spreadsheet would take for a formula is text."""
    header = reading_columns("performance")
    found = list(written(ITEM, header, READING_TAIL))
    table = "\n".join([",".join(header), *(line for one in found for line in one.table)])
    rows = [
        {name: cell for name, cell in row.items() if cell} for row in csv.DictReader(io.StringIO(table, newline=""))
    ]
    expected = [json.loads(line) for one in found for line in one.lines]
    assert [{name: str(value) for name, value in row.items()} for row in expected] == [
        row | ({"message": row["message"].removeprefix("'")} if "message" in row else {}) for row in rows
    ]
    assert rows[-1]["message"].startswith("'=1+1")


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b"],
        ["=a", "b"],
        ["b", "-1"],
        ["a", "@b"],
        ["\ta", "b"],
        ["a,b", "b"],
        ['"', "b"],
        ["a\nb", "c"],
        ["a\n=b", "c"],
        ["\\", "b"],
        ["\x01", "b"],
        ["", ""],
        ["ñ", "日本"],
        [1, -2],
        [1.5, 2],
        [True, False],
        [True, 1],
        ["a", None],
        [None, None],
        ["1", 1],
    ],
)
def test_a_column_is_written_as_its_values_are(column: list[Any]) -> None:
    """Whatever the short cut: as an encoder writes each value, and a spreadsheet reads each cell."""
    item = {"columns": {"event_log": {"observedAt": ["2026-05-01T00:00:00Z"] * 2, "message": column}}}
    one = next(written(item, ["message", "observedAt"], ()))
    assert [json.loads(line) for line in one.lines] == [
        {"kind": "event_log", "observedAt": "2026-05-01T00:00:00Z"} | ({} if value is None else {"message": value})
        for value in column
    ]
    cells = [row[0] for row in csv.reader(io.StringIO("\n".join(one.table), newline=""))]
    marked = [isinstance(value, str) and value.startswith(FORMULA_STARTS) for value in column]
    plain = ["" if value is None else str(value) for value in column]
    assert cells == [f"'{text}" if is_marked else text for text, is_marked in zip(plain, marked, strict=True)]


@pytest.mark.parametrize("tail", [(), ("messageId",)])
def test_what_a_scope_leaves_out_is_in_neither(tail: tuple[str, ...]) -> None:
    """Neither as a value nor as a column."""
    header = ["kind", "observedAt", "cpuPercent", *tail]
    one = next(written(ITEM, header, tail))
    assert "clockOffsetS" not in one.lines[0]
    assert one.table[0].count(",") == len(header) - 1
