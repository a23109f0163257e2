"""The functions by which people object, consent and act for a minor, and the timer that completes what was cut off."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.consents import consents, guardian_triggers, objections, settling
from export_user_data.consents.contract import Consenting, Consents, Objecting, Objections
from export_user_data.consents.recording import By
from export_user_data.consents.settling import Stores
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.http import Api, Call

OK = HTTPStatus.OK

_log = logging.getLogger("blue.choices")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _objections(api, functions)
    _consents(api, functions)
    guardian_triggers.register(api, functions)
    _timer(api, functions)


def _objections(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/objections", admission=RESIDENT, answers={OK: Objections})
    async def list_objections(call: Call[Resident, None]) -> Objections:
        """Which objections to statistics stand, and what was said before."""
        return await objections.list_objections(call.caller.person_id, people=call.services.database["people"])

    @api.operation(
        functions,
        "POST",
        "me/objections",
        admission=RESIDENT,
        body=Objecting,
        answers={OK: Objections},
        problems=("device_not_yours",),
    )
    async def object_to_statistics(call: Call[Resident, Objecting]) -> Objections:
        """Object to statistics about one's monitors, or one of them, at once."""
        by, now = By(call.caller.person_id), call.services.clock()
        stores = Stores.of(call.services)
        return await objections.object_to_statistics(by, call.body.device_id, stores=stores, now=now)

    @api.operation(
        functions,
        "POST",
        "me/objections/withdraw",
        admission=RESIDENT,
        body=Objecting,
        answers={OK: Objections},
        problems=("device_not_yours", "guardian_needed"),
    )
    async def withdraw_objection(call: Call[Resident, Objecting]) -> Objections:
        """Take an objection back: that of one monitor, or every one."""
        by, now = By(call.caller.person_id), call.services.clock()
        stores = Stores.of(call.services)
        return await objections.withdraw_objection(by, call.body.device_id, stores=stores, now=now)


def _consents(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/consents", admission=RESIDENT, answers={OK: Consents})
    async def list_consents(call: Call[Resident, None]) -> Consents:
        """Every purpose with its text, whether it is consented to, and what was said before."""
        return await consents.list_consents(call.caller.person_id, people=call.services.database["people"])

    @api.operation(
        functions,
        "POST",
        "me/consents/{purpose}",
        admission=RESIDENT,
        body=Consenting,
        answers={OK: Consents},
        problems=("purpose_unknown", "consent_text_outdated", "guardian_needed"),
    )
    async def choose_consent(call: Call[Resident, Consenting]) -> Consents:
        """Give a consent, or withdraw it."""
        by, now = By(call.caller.person_id), call.services.clock()
        return await consents.choose(by, call.id("purpose"), call.body, stores=Stores.of(call.services), now=now)


def _timer(api: Api, functions: func.Blueprint) -> None:
    @functions.function_name("repair_choices")
    @functions.timer_trigger("timer", "45 * * * * *")
    async def repair_choices(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Let objections and consents take effect that were cut off and that nobody has repeated."""
        services = await api.services()
        ends = await settling.repair(stores=Stores.of(services), now=services.clock())
        for end, count in ends.items():
            _log.info("%d cut off: %s", count, end)
