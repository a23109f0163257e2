"""The functions of minors and their guardians: who acts for whom, and what a guardian chooses for a ward."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.consents import age, consents, objections, wards
from export_user_data.consents.contract import (
    Accepting,
    Age,
    Attesting,
    Consenting,
    Consents,
    Objecting,
    Objections,
    Ward,
    WardEnded,
    Wards,
)
from export_user_data.consents.recording import By
from export_user_data.consents.settling import Stores
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Api, Call
from shared.notifications import language_for

OK = HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _age(api, functions)
    _wards(api, functions)
    _consents_of_ward(api, functions)
    _objections_of_ward(api, functions)


def _age(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/age", admission=RESIDENT, answers={OK: Age})
    async def get_age(call: Call[Resident, None]) -> Age:
        """What the caller said of their age, and how far their guardian is."""
        return await age.own_age(call.caller.person_id, people=call.services.database["people"])

    @api.operation(
        functions,
        "POST",
        "me/age",
        admission=RESIDENT,
        body=Attesting,
        answers={OK: Age},
        problems=("guardian_is_ward", "guardian_accepted", "guardian_not_needed", "guardians_too_many"),
    )
    async def attest_age(call: Call[Resident, Attesting]) -> Age:
        """Say that one is under 14, and ask a parent or guardian by mail."""
        services = call.services
        now, key = services.clock(), services.settings.identity_key
        return await age.attest_under_14(
            call.caller, call.body.guardian_email, stores=Stores.of(services), identity_key=key, now=now
        )


def _wards(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/wards", admission=RESIDENT, answers={OK: Wards})
    async def list_wards(call: Call[Resident, None]) -> Wards:
        """The minors for whom the caller acts, and those who ask them to."""
        return await wards.list_wards(call.caller, database=call.services.database, now=call.services.clock())

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/accept",
        admission=RESIDENT,
        body=Accepting,
        answers={OK: Ward},
        problems=("ward_unknown", "guardian_needed", "field_out_of_range"),
    )
    async def accept_ward(call: Call[Resident, Accepting]) -> Ward:
        """Accept to act for a minor, until the end of the month in which they become 14."""
        return await wards.accept(
            call.caller,
            call.id("wardId"),
            call.body.turns_14_on,
            database=call.services.database,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/decline",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: WardEnded},
        problems=("ward_unknown",),
    )
    async def decline_ward(call: Call[Resident, Nothing]) -> WardEnded:
        """Decline to act for a minor."""
        database, now = call.services.database, call.services.clock()
        return await wards.decline(call.caller, call.id("wardId"), database=database, now=now)

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/step-down",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: WardEnded},
        problems=("ward_unknown",),
    )
    async def step_down(call: Call[Resident, Nothing]) -> WardEnded:
        """Act for a minor no more."""
        database, now = call.services.database, call.services.clock()
        return await wards.step_down(call.caller, call.id("wardId"), database=database, now=now)


async def _acting[B](call: Call[Resident, B]) -> By:
    people, now = call.services.database["people"], call.services.clock()
    return await wards.acting_for(call.caller, call.id("wardId"), people=people, now=now)


def _consents_of_ward(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "GET",
        "me/wards/{wardId}/consents",
        admission=RESIDENT,
        answers={OK: Consents},
        problems=("ward_unknown",),
    )
    async def list_ward_consents(call: Call[Resident, None]) -> Consents:
        """The consents of a minor for whom the caller acts, with texts in the caller's language."""
        by, people = await _acting(call), call.services.database["people"]
        language = await language_for(call.caller.person_id, people=people)
        return await consents.list_consents(by.person_id, people=people, language=language)

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/consents/{purpose}",
        admission=RESIDENT,
        body=Consenting,
        answers={OK: Consents},
        problems=("ward_unknown", "purpose_unknown", "consent_text_outdated"),
    )
    async def choose_ward_consent(call: Call[Resident, Consenting]) -> Consents:
        """Give a consent for a minor, or withdraw it."""
        by, stores, now = await _acting(call), Stores.of(call.services), call.services.clock()
        return await consents.choose(by, call.id("purpose"), call.body, stores=stores, now=now)


def _objections_of_ward(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "GET",
        "me/wards/{wardId}/objections",
        admission=RESIDENT,
        answers={OK: Objections},
        problems=("ward_unknown",),
    )
    async def list_ward_objections(call: Call[Resident, None]) -> Objections:
        """Which objections of a minor stand for whom the caller acts."""
        by = await _acting(call)
        return await objections.list_objections(by.person_id, people=call.services.database["people"])

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/objections",
        admission=RESIDENT,
        body=Objecting,
        answers={OK: Objections},
        problems=("ward_unknown", "device_not_yours"),
    )
    async def object_for_ward(call: Call[Resident, Objecting]) -> Objections:
        """Object to statistics for a minor."""
        by, stores, now = await _acting(call), Stores.of(call.services), call.services.clock()
        return await objections.object_to_statistics(by, call.body.device_id, stores=stores, now=now)

    @api.operation(
        functions,
        "POST",
        "me/wards/{wardId}/objections/withdraw",
        admission=RESIDENT,
        body=Objecting,
        answers={OK: Objections},
        problems=("ward_unknown", "device_not_yours"),
    )
    async def withdraw_ward_objection(call: Call[Resident, Objecting]) -> Objections:
        """Take an objection back for a minor."""
        by, stores, now = await _acting(call), Stores.of(call.services), call.services.clock()
        return await objections.withdraw_objection(by, call.body.device_id, stores=stores, now=now)
