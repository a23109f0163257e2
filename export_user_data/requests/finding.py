"""How staff find requests across all people: by the file of the office, and on the board of deadlines.

Each query reads an index that holds requests alone; staff ask rarely, and pages are bounded.
"""

import re
from typing import Final

from export_user_data.requests.contract import OPEN_STATES, Board
from export_user_data.requests.records import Register
from export_user_data.requests.views import board_entry
from shared.cosmos import Container, Item
from shared.errors import Problem

PAGE_LENGTH: Final = 50
OF_A_FILE: Final = 20
"""Rights that one letter may exercise, with room: a file holds no more."""

_OF_FILE: Final = "SELECT TOP @most * FROM c WHERE c.reference = @reference AND c.type = 'rightsRequest'"
_KEY: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z_[0-9a-f]{32}")


async def requests_of_file(reference: str, *, people: Container) -> list[Item]:
    """What a file of the office holds."""
    query = people.query(_OF_FILE, {"reference": reference, "most": OF_A_FILE})
    return [item async for item in query]


async def board(state: str | None, cursor: str | None, register: Register) -> Board:
    """A page of the open requests, in the order in which they are due; what is overdue comes first.

    Raises:
        Problem: cursor_invalid; field_out_of_range, for a state that is none of an open request.
    """
    if cursor is not None and not _KEY.fullmatch(cursor):
        raise Problem("cursor_invalid")
    if state is not None and state not in OPEN_STATES:
        raise Problem("field_out_of_range")
    of_state = "AND c.state = @state " if state is not None else ""
    query = f"SELECT TOP @most * FROM c WHERE c.boardKey > @after {of_state}ORDER BY c.boardKey"  # noqa: S608 - no value
    said = {"after": cursor or "", "most": PAGE_LENGTH + 1} | ({"state": state} if state is not None else {})
    found = [item async for item in register.people.query(query, said)]
    shown = found[:PAGE_LENGTH]
    return Board(
        requests=[board_entry(item, register) for item in shown],
        cursor=shown[-1]["boardKey"] if len(found) > PAGE_LENGTH else None,
    )
