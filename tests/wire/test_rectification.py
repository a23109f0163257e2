"""Corrections, interactions, annotations and recipients as an app, staff and a recipient ask for them over HTTP."""

from typing import Any
from uuid import uuid5

from local.api import Answer
from local.cloud import LocalCloud
from local.control import tell
from local.identity import SUBJECTS
from local.outbox import timestamp
from local.recipient import kept_in
from tests.wire.conftest import PERSONAL, Household, call, envelope, eventually

RECIPIENT = "sales_and_technicians"
WORDS = "The bell has been silent since Tuesday."


class Person:
    """A resident with the addresses that their sign-in vouches for."""

    def __init__(self, household: Household) -> None:
        self.household = household
        self.address = household.email

    async def _authorization(self, **changes: str) -> str:
        subject = str(uuid5(SUBJECTS, self.household.email))
        return f"Bearer {await self.household.token(subject=subject, email=self.address, **changes)}"

    async def get(self, path: str) -> Answer:
        return await self.household.api.get(f"/api/{path}", authorization=await self._authorization())

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self.household.api.post(f"/api/{path}", body, authorization=await self._authorization())

    async def told(self, name: str) -> list[dict[str, Any]]:
        """What a recipient was told of this person."""
        found = (await self.get("me/recipients"))["recipients"]
        return next((one["told"] for one in found if one["name"] == name), [])


async def test_the_address_follows_the_sign_in(household: Household) -> None:
    """The account stays; who signs in with another verified address corrects it, and sees that it was done."""
    person = Person(household)
    before = await person.get("me")
    person.address = "moved.resident@personal.example"
    PERSONAL.add(person.address)
    done = await person.post("me/rectifications", {"field": "email"})
    assert done["state"] == "done"
    after = await person.get("me")
    assert (after["personId"], after["email"]) == (before["personId"], person.address)
    assert (await person.get("me/rectifications"))["rectifications"] == [done.body]
    [told] = await person.told("mail_server")
    assert (told["requestId"], told["event"], told["state"]) == (done["rectificationId"], "rectification", "lapses")


async def test_what_was_told_to_sales_is_corrected_everywhere(household: Household, cloud: LocalCloud) -> None:
    """Staff enter it, the person corrects it, the recipient is told, takes it, and acknowledges later."""
    person = Person(household)
    PERSONAL.add(WORDS)
    [device] = await household.resident.devices()
    said = {"purpose": "other", "channel": "sales", "subject": "question", "at": timestamp(), "text": "The bell rings."}
    sales = f"Bearer {await household.token(email='sales@staff.example', roles='sales')}"
    await household.api.post("/api/staff/interactions", said | {"deviceId": device["deviceId"]}, authorization=sales)
    [interaction] = (await person.get("me/interactions"))["interactions"]
    # Notices of other tests may still be on their way to it, and before this one.
    await tell(cloud.control("recipient"), "answer-next", manner="take", times=20)
    done = await person.post(f"me/interactions/{interaction['interactionId']}/rectify", {"text": WORDS})

    def mine() -> list[dict[str, Any]]:
        return [one for one in kept_in(cloud.state.recipient) if one["requestId"] == done["rectificationId"]]

    async def is_told() -> bool:
        return bool(mine())

    await eventually(is_told, "the recipient is told")
    await tell(cloud.control("recipient"), "reset")
    [notice] = mine()
    assert notice["about"]["text"] == WORDS
    assert [one["state"] for one in await person.told(RECIPIENT)] == ["pending"]
    token = notice["acknowledgeWith"]
    acknowledged = await household.api.post("/api/recipients/acknowledgements", {}, authorization=f"Bearer {token}")
    assert acknowledged["requestId"] == done["rectificationId"]
    [told] = await person.told(RECIPIENT)
    assert (told["state"], told["acknowledgedAt"]) == ("acknowledged", acknowledged["acknowledgedAt"])
    assert [one["text"] for one in (await person.get("me/interactions"))["interactions"]] == [WORDS]


async def test_a_reading_is_annotated_and_stays(household: Household) -> None:
    """What is said of it comes with it in the stream, until it is taken back."""
    person = Person(household)
    [device] = await household.resident.devices()
    assert household.monitor.access is not None
    authorization = f"Bearer {household.monitor.access.token}"
    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=authorization)

    async def is_there() -> bool:
        return bool((await household.resident.readings(device["deviceId"])).readings)

    await eventually(is_there, "the reading is stored")
    [reading] = (await household.resident.readings(device["deviceId"])).readings
    named = {name: reading[name] for name in ("messageId", "kind", "observedAt")}
    path = f"me/devices/{device['deviceId']}/annotations"
    said = await person.post(path, named | {"statement": "not_me"})
    assert (await person.get(path))["annotations"] == [said.body]
    [reading] = (await household.resident.readings(device["deviceId"])).readings
    assert reading["annotation"] == {"annotationId": said["annotationId"], "statement": "not_me"}
    await person.post(f"{path}/{said['annotationId']}/remove", {})
    [reading] = (await household.resident.readings(device["deviceId"])).readings
    assert "annotation" not in reading


async def test_a_restriction_is_told_to_recipients(household: Household) -> None:
    """Each of them that is given something of it, and the person sees so."""
    person = Person(household)
    await person.post("me/restrictions", {"scope": "person", "ground": "accuracy_contested"})
    [told] = await person.told("cloud_provider")
    assert (told["event"], told["state"]) == ("restriction", "in_place")
