"""The last-known state of a device, derived when it is read: of each kind the reading that was observed last.

The time that decides is the corrected one, so a message that is late, or comes twice, moves nothing back. The newest
messages of each category are looked at, a page of them; what they cannot decide is not stated.
"""

import asyncio
from typing import Any, Final

from export_user_data.contract import DeviceState, LastReading
from export_user_data.periods import is_held, present_period
from shared import clock
from shared.cosmos import Container, Database, Item
from shared.data_map import READINGS
from shared.gate import load_policy
from shared.policy import Policy
from shared.readings import corrected, rows

LOOKED_AT: Final = 100
"""Messages of a category: one page of a query, whatever is stored."""

_NEWEST: Final = "SELECT TOP @most * FROM c WHERE c.category = @category ORDER BY c.observedTo DESC"


async def device_state(
    person_id: str, device_id: str, *, database: Database, looked_at: int = LOOKED_AT
) -> DeviceState:
    """The last-known state of a device that is the person's now.

    Raises:
        Problem: device_not_yours.
    """
    period = await present_period(person_id, device_id, database=database)
    telemetry = database["telemetry"]
    policy = await load_policy(telemetry, period.ownership_id)
    categories = dict.fromkeys(kind.category.value for kind in READINGS.values())
    found = await asyncio.gather(
        *(_of_category(category, period.ownership_id, policy, telemetry, looked_at) for category in categories)
    )
    return DeviceState(
        device_id=device_id,
        readings=[reading for readings, _ in found for reading in readings],
        not_lately=[kind for _, kinds in found for kind in kinds],
    )


async def _of_category(
    category: str, ownership_id: str, policy: Policy, telemetry: Container, looked_at: int
) -> tuple[list[LastReading], list[str]]:
    """The newest reading of each kind; and the kinds of which older messages may hold the newest."""
    query = telemetry.query(_NEWEST, {"category": category, "most": looked_at}, partition=ownership_id)
    items = [item async for item in query]
    newest: dict[str, tuple[tuple[Any, ...], LastReading]] = {}
    for item in items:
        if is_held(item, policy):
            for place, (kind, values) in enumerate(rows(item)):
                rank = (corrected(item, values["observedAt"]), item["receivedAt"], item["id"], place)
                if kind not in newest or newest[kind][0] < rank:
                    newest[kind] = (rank, _view(item, kind, values))
    kinds = [kind for kind, declared in READINGS.items() if declared.category.value == category]
    if len(items) == looked_at:  # what is older than all of these was not looked at
        oldest = clock.moment(items[-1]["observedTo"])
        newest = {kind: found for kind, found in newest.items() if found[1].observed_at > oldest}
        return [newest[kind][1] for kind in kinds if kind in newest], [kind for kind in kinds if kind not in newest]
    return [newest[kind][1] for kind in kinds if kind in newest], []


def _view(item: Item, kind: str, values: dict[str, Any]) -> LastReading:
    return LastReading(
        category=item["category"],
        kind=kind,
        observed_at=corrected(item, values["observedAt"]),
        values={name: value for name, value in values.items() if name != "observedAt"},
        message_id=item["messageId"],
        received_at=clock.moment(item["receivedAt"]),
        time_quality=item["timeQuality"],
    )
