"""The counter at which people exercise rights: in the app, by letter or in person; and the staff behind it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from export_user_data.requests import deciding, filing, identifying, letters, looks, steps, views
from export_user_data.requests.contract import (
    AnswerBody,
    ExtensionBody,
    FindRequests,
    IdentityAnswer,
    IdentityQuestion,
    Letter,
    LetterBody,
    RefusalBody,
    RequestBody,
    RightsRequest,
    StaffRequest,
    StaffRequestBody,
    StaffStep,
)
from export_user_data.requests.due import look_at_due
from export_user_data.requests.records import Register, item_id
from local.cosmos.server import CosmosServer
from shared.contract import Body
from shared.cosmos import Database, Item
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.documents.written import INSTALLATION
from tests.people import IDENTITY_KEY, House

STAFF = "5" * 32
MARIA = "maria"
RECEIVED = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Counter:
    """What files, moves and answers, at a time that tests set."""

    def __init__(self, house: House, cosmos: CosmosServer) -> None:
        self.house = house
        self.clock = house.clock
        self.database = house.database
        self._cosmos = cosmos

    @classmethod
    async def opened(cls, database: Database, keys: KeySet, clock: SettableClock, cosmos: CosmosServer) -> Self:
        clock.now = RECEIVED
        house = House(database, keys, clock)
        await house.move_in(MARIA)
        return cls(house, cosmos)

    @property
    def register(self) -> Register:
        return Register(
            database=self.database, identity_key=IDENTITY_KEY, controller=INSTALLATION.controller, now=self.clock()
        )

    def forward(self, **by: float) -> None:
        """Move the clock of the service and that of its store."""
        self.clock.forward(**by)
        self._cosmos.clock.forward(timedelta(**by).total_seconds())

    def until(self, moment: datetime) -> None:
        """Move both to a moment."""
        self.forward(seconds=(moment - self.clock()).total_seconds())

    async def file(self, right: str = "access", person_id: str = MARIA, **asked: Any) -> RightsRequest:
        found, _ = await filing.file_own(person_id, body(RequestBody, right=right, **asked), self.register)
        return found

    async def enter(self, right: str = "access", reference: str = "RQ-2026-17", **asked: Any) -> StaffRequest:
        said = {
            "purpose": "rights_request",
            "reference": reference,
            "right": right,
            "channel": "letter",
            "receivedAt": self.clock().isoformat(),
        } | asked
        found, _ = await filing.enter(body(StaffRequestBody, **said), self.register, staff_id=STAFF)
        return found

    async def own(self, request_id: str, person_id: str = MARIA) -> RightsRequest:
        return await views.own_request(person_id, request_id, self.register)

    async def find(self, **asked: Any) -> list[StaffRequest]:
        wanted = body(FindRequests, purpose="rights_request", **asked)
        return (await looks.find(wanted, self.register, staff_id=STAFF)).requests

    async def begin(self, request: RightsRequest, person_id: str = MARIA) -> StaffRequest:
        return await self._step(steps.begin, StaffStep, request, person_id)

    async def ask(
        self, request: RightsRequest, person_id: str = MARIA, question: str = "no_identifier"
    ) -> StaffRequest:
        return await self._step(steps.ask_identity, IdentityQuestion, request, person_id, question=question)

    async def identified(self, request: RightsRequest, person_id: str = MARIA, **said: Any) -> StaffRequest:
        said = {"identity": "device"} | said
        return await self._step(identifying.identified, IdentityAnswer, request, person_id, **said)

    async def extend(self, request: RightsRequest, person_id: str = MARIA, **said: Any) -> StaffRequest:
        said = {"reason": "complexity", "sent": "mail"} | said
        return await self._step(steps.extend, ExtensionBody, request, person_id, **said)

    async def answer(self, request: RightsRequest, person_id: str = MARIA, **said: Any) -> StaffRequest:
        said = {"outcome": "granted", "sent": "mail"} | said
        return await self._step(deciding.answer, AnswerBody, request, person_id, **said)

    async def refuse(self, request: RightsRequest, person_id: str = MARIA, **said: Any) -> StaffRequest:
        said = {"ground": "law_forbids", "reason": "The invoice must be kept.", "sent": "post"} | said
        return await self._step(deciding.refuse, RefusalBody, request, person_id, **said)

    async def withdraw_for(self, request: RightsRequest, person_id: str = MARIA) -> StaffRequest:
        return await self._step(steps.withdraw_for, StaffStep, request, person_id)

    async def withdraw(self, request: RightsRequest, person_id: str = MARIA) -> RightsRequest:
        return await steps.withdraw_own(person_id, request.request_id, self.register)

    async def letter(self, request: RightsRequest, kind: str, person_id: str = MARIA, **said: Any) -> Letter:
        asked = body(LetterBody, personId=person_id, purpose="rights_request", kind=kind, **said)
        return await letters.write(request.request_id, asked, self.register, staff_id=STAFF)

    async def _step(
        self, do: Callable[..., Any], model: type[Body], request: RightsRequest, person_id: str, **said: Any
    ) -> StaffRequest:
        asked = body(model, personId=person_id, purpose="rights_request", **said)
        moved: StaffRequest = await do(request.request_id, asked, self.register, staff_id=STAFF)
        return moved

    async def look(self) -> int:
        """The timer."""
        return await look_at_due(self.register)

    async def stored(self, request: RightsRequest, person_id: str = MARIA) -> Item:
        found = await self.database["people"].read(person_id, item_id(request.request_id))
        assert found is not None
        return found

    async def told(self, person_id: str = MARIA) -> list[str]:
        return [template for template, _ in await self.house.told(person_id)]

    async def entries(self, person_id: str = MARIA) -> list[Item]:
        """A person's chain in the ledger."""
        subject = await self.database["people"].read(person_id, "ledgerSubject")
        if subject is None:
            return []
        query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
        return [one async for one in self.database["ledger"].query(query, partition=subject["ledgerSubject"])]

    async def actions(self, person_id: str = MARIA) -> list[str]:
        return [entry["action"] for entry in await self.entries(person_id)]


def body[Model: Body](model: type[Model], **said: Any) -> Model:
    """A body as it comes over HTTP."""
    return model.model_validate_json(json.dumps(said))
