"""Staff at their desk, and people with and without an account."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from export_user_data.interactions.contract import (
    CorrectInteraction,
    FindInteractions,
    InteractionTakenAway,
    StaffInteractions,
    TakeAwayInteraction,
)
from export_user_data.interactions.desk import correct_interaction, find_interactions
from export_user_data.interactions.moving import take_away
from export_user_data.rectification.contract import Rectification
from shared import ledger
from shared.people import key_of_address
from tests.export_user_data.rectification.conftest import SELLER, Office, hosts, maria, office
from tests.people import IDENTITY_KEY

__all__ = ["hosts", "maria", "office"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What staff do, in one hand."""

    office: Office

    async def find(self, **who: Any) -> StaffInteractions:
        asked = FindInteractions.model_validate_json(json.dumps({"who": who, "purpose": "complaint"}))
        office = self.office
        return await find_interactions(
            SELLER, asked, database=office.database, identity_key=IDENTITY_KEY, now=office.clock()
        )

    async def correct(self, person_id: str, interaction_id: str, **value: Any) -> Rectification:
        body = {"personId": person_id, "purpose": "complaint"} | value
        asked = CorrectInteraction.model_validate_json(json.dumps(body))
        office = self.office
        return await correct_interaction(SELLER, interaction_id, asked, means=office.means, now=office.clock())

    async def take_away(self, person_id: str, interaction_id: str, **to: Any) -> InteractionTakenAway:
        body: dict[str, Any] = {"personId": person_id, "purpose": "complaint"}
        asked = TakeAwayInteraction.model_validate_json(json.dumps(body | ({"belongsTo": to} if to else {})))
        return await take_away(SELLER, interaction_id, asked, means=self.office.means, now=self.office.clock())

    async def lead(self, name: str) -> str:
        """Id of who gave an address."""
        key = key_of_address(f"{name}@resident.example", IDENTITY_KEY)
        entry = await self.office.database["identities"].read(key, key)
        assert entry is not None
        return str(entry["personId"])

    async def texts(self, person_id: str) -> list[str]:
        return [one.text for one in (await self.find(personId=person_id)).interactions]

    async def recorded(self, person_id: str) -> list[tuple[str, str]]:
        """What a person's ledger says of interactions, but for looks."""
        subject = await ledger.subject_of(person_id, people=self.office.database["people"])
        chain = self.office.database["ledger"].query(ledger.CHAIN, partition=subject)
        said = [(item["action"], item["actorKind"]) async for item in chain]
        return [one for one in said if "interaction_" in one[0] or one[0] == "data_rectified"]


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)
