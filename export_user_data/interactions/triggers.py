"""The functions by which staff find, correct and take away what people told us."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.interactions import desk, moving
from export_user_data.interactions.contract import (
    CorrectInteraction,
    FindInteractions,
    InteractionTakenAway,
    StaffInteractions,
    TakeAwayInteraction,
)
from export_user_data.rectification.contract import Rectification
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call
from shared.rectifying import Means

OK = HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "POST",
        "staff/interactions/find",
        admission=staff(Role.SALES),
        body=FindInteractions,
        answers={OK: StaffInteractions},
        problems=("person_unknown", "data_restricted", "person_erased", "busy"),
    )
    async def find_interactions(call: Call[Staff, FindInteractions]) -> StaffInteractions:
        """What a person told us, the newest first; the look is in their ledger."""
        services = call.services
        return await desk.find_interactions(
            call.caller,
            call.body,
            database=services.database,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/interactions/{interactionId}/correct",
        admission=staff(Role.SALES),
        body=CorrectInteraction,
        answers={OK: Rectification},
        problems=("interaction_unknown", "nothing_to_rectify", "data_restricted", "person_erased", "busy"),
    )
    async def correct_interaction(call: Call[Staff, CorrectInteraction]) -> Rectification:
        """Correct what staff had mistyped; the old value is blocked, and the person is told."""
        return await desk.correct_interaction(
            call.caller,
            call.id("interactionId"),
            call.body,
            means=Means.of(call.services),
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/interactions/{interactionId}/take-away",
        admission=staff(Role.SALES),
        body=TakeAwayInteraction,
        answers={OK: InteractionTakenAway},
        problems=("interaction_unknown", "person_unknown", "data_restricted", "person_erased", "busy"),
    )
    async def take_interaction_away(call: Call[Staff, TakeAwayInteraction]) -> InteractionTakenAway:
        """Take away what was entered for the wrong person, and enter it for whose it is when that is known."""
        return await moving.take_away(
            call.caller,
            call.id("interactionId"),
            call.body,
            means=Means.of(call.services),
            now=call.services.clock(),
        )
