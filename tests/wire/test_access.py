"""Live access, and what sales staff do with interactions, over HTTP."""

from typing import Any

from local.api import Answer
from local.outbox import timestamp
from tests.wire.conftest import PERSONAL, Household, call, envelope, eventually

WORDS = "The door opens by itself at night."


async def pages(household: Household, category: str) -> list[dict[str, Any]]:
    """All items of a category."""
    authorization, items, cursor = f"Bearer {await household.token()}", list[dict[str, Any]](), ""
    while True:
        answer = await household.api.get(f"/api/me/data/{category}{cursor}", authorization=authorization)
        items += answer["items"]
        if "cursor" not in answer.body:
            return items
        cursor = f"?cursor={answer['cursor']}"


async def overview(household: Household) -> dict[str, int]:
    found = await household.api.get("/api/me/data", authorization=f"Bearer {await household.token()}")
    return {one["category"]: one["items"] for one in found["categories"]}


async def test_a_resident_reads_everything_that_is_held(household: Household) -> None:
    """What the overview counts the pages hold, and a reading is there as it was sent."""
    assert household.monitor.access is not None
    monitor = f"Bearer {household.monitor.access.token}"
    await household.api.send("POST", "/api/telemetry", envelope(call(durationS=12)), authorization=monitor)

    async def is_there() -> bool:
        return (await overview(household))["usage"] == 1

    await eventually(is_there, "the reading is stored")
    for category, items in (await overview(household)).items():
        assert len(await pages(household, category)) == items
    [item] = await pages(household, "usage")
    assert [(one["outcome"], one["durationS"]) for one in item["readings"]] == [("answered", 12)]
    refused = await household.refused(
        "GET", "/api/me/data/everything", None, authorization=f"Bearer {await household.token()}"
    )
    assert refused.code == "category_unknown"


async def sales(household: Household, path: str, **body: Any) -> Answer:
    authorization = f"Bearer {await household.token(email='sales@staff.example', roles='sales')}"
    return await household.api.post(f"/api/staff/{path}", {"purpose": "complaint"} | body, authorization=authorization)


async def test_staff_mend_what_they_entered(household: Household, neighbours: Household) -> None:
    """They find it, correct it, and move it to the neighbours whose it is."""
    PERSONAL.add(WORDS)
    said = {"channel": "sales", "subject": "complaint", "at": timestamp(), "text": "The door opens."}
    entered = await sales(household, "interactions", serialNumber=household.data["serialNumber"], **said)
    interaction_id, person_id = entered["interactionId"], entered["personId"]
    await sales(household, f"interactions/{interaction_id}/correct", personId=person_id, text=WORDS)
    found = await sales(household, "interactions/find", who={"serialNumber": household.data["serialNumber"]})
    assert [one["text"] for one in found["interactions"]] == [WORDS]
    moved = await sales(
        household,
        f"interactions/{interaction_id}/take-away",
        personId=person_id,
        belongsTo={"serialNumber": neighbours.data["serialNumber"]},
    )
    assert await pages(household, "interactions") == []
    [item] = await pages(neighbours, "interactions")
    assert (item["fields"]["text"], item["fields"]["interactionId"]) == (WORDS, moved["movedAs"])
