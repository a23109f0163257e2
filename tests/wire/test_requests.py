"""Requests under the legal clock over HTTP: by a resident, by privacy staff for others, and on the board."""

from typing import Any

from local.api import Answer
from local.outbox import timestamp
from tests.wire.conftest import PERSONAL, Household

LEAD = "asked.by.letter@personal.example"


class Privacy:
    """Privacy staff at their console."""

    def __init__(self, household: Household) -> None:
        self.household = household

    async def _authorization(self) -> str:
        return f"Bearer {await self.household.token(email='privacy@staff.example', roles='privacy')}"

    async def post(self, path: str, **said: Any) -> Answer:
        body = {"purpose": "rights_request", **said}
        return await self.household.api.post(f"/api/staff/{path}", body, authorization=await self._authorization())

    async def board(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path = "/api/staff/requests"
        page = await self.household.api.get(path, authorization=await self._authorization())
        found += page["requests"]
        while "cursor" in page.body:
            again = f"{path}?cursor={page['cursor']}"
            page = await self.household.api.get(again, authorization=await self._authorization())
            found += page["requests"]
        return found


async def test_a_resident_asks_and_staff_answer(household: Household) -> None:
    """The resident sees the day, then the decision; the board shows the request until it is answered."""
    authorization = f"Bearer {await household.token()}"
    api, privacy = household.api, Privacy(household)
    filed = await api.post("/api/me/requests", {"right": "portability"}, authorization=authorization)
    assert (filed.status, filed["state"]) == (201, "received")
    again = await api.post("/api/me/requests", {"right": "portability"}, authorization=authorization)
    assert (again.status, again["requestId"]) == (200, filed["requestId"])
    [shown] = [one for one in await privacy.board() if one["requestId"] == filed["requestId"]]
    step = f"requests/{filed['requestId']}"
    await privacy.post(f"{step}/begin", personId=shown["personId"])
    extended = await privacy.post(f"{step}/extend", personId=shown["personId"], reason="complexity", sent="app")
    assert extended["dueAt"] > filed["dueAt"]
    answered = await privacy.post(
        f"{step}/answer",
        personId=shown["personId"],
        outcome="granted",
        text="Your copy is ready in the app.",
        sent="app",
        language="en",
    )
    letter = await privacy.post(f"{step}/letter", personId=shown["personId"], kind="answer", language="en")
    assert letter["sha256"] == answered["decision"]["letter"]["sha256"]
    assert "Your copy is ready in the app." in letter["html"]
    own = await api.get(f"/api/me/requests/{filed['requestId']}", authorization=authorization)
    assert own["decision"] == answered["decision"]
    assert filed["requestId"] not in {one["requestId"] for one in await privacy.board()}
    listed = await api.get("/api/me/requests", authorization=authorization)
    assert [one["requestId"] for one in listed["requests"]] == [filed["requestId"]]


async def test_a_letter_of_nobody_known_is_dealt_with(household: Household) -> None:
    """Entered, asked who it is, found by the file of the office, refused or withdrawn; nothing personal in a URL."""
    privacy = Privacy(household)
    PERSONAL.add(LEAD)
    said = {"channel": "letter", "receivedAt": timestamp()}
    entered = await privacy.post("requests", right="access", reference="RQ-2026-901", **said)
    assert (entered.status, entered["identity"]) == (201, "awaited")
    known = await privacy.post("requests", right="erasure", reference="RQ-2026-902", who={"email": LEAD}, **said)
    [found] = (await privacy.post("requests/find", who={"email": LEAD}))["requests"]
    assert (found["requestId"], found["reference"]) == (known["requestId"], "RQ-2026-902")
    step, whose = f"requests/{entered['requestId']}", {"personId": entered["personId"]}
    asked = await privacy.post(f"{step}/identity-question", question="no_identifier", **whose)
    assert (asked["state"], asked["identityQuestion"]["stopsTheClock"]) == ("identity_awaited", True)
    theirs = await privacy.post(f"{step}/identified", identity="address", who={"email": LEAD}, **whose)
    assert (theirs["personId"], theirs["state"]) == (known["personId"], "in_progress")
    whose = {"personId": known["personId"]}
    refused = await privacy.post(
        f"{step}/refuse", ground="rights_of_others", reason="It is about somebody else.", sent="post", **whose
    )
    assert (refused["state"], refused["decision"]["article"]) == ("refused", "artículo 15.4 del RGPD")
    withdrawn = await privacy.post(f"requests/{known['requestId']}/withdraw", **whose)
    assert withdrawn["state"] == "withdrawn"
    [of_file] = (await privacy.post("requests/find", reference="RQ-2026-902"))["requests"]
    assert of_file["state"] == "withdrawn"


async def test_a_resident_withdraws(household: Household) -> None:
    """And may ask anew."""
    authorization = f"Bearer {await household.token()}"
    filed = await household.api.post("/api/me/requests", {"right": "complaint"}, authorization=authorization)
    path = f"/api/me/requests/{filed['requestId']}/withdraw"
    assert (await household.api.post(path, {}, authorization=authorization))["state"] == "withdrawn"
