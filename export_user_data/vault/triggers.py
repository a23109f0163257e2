"""The functions of the vault: what two members of the privacy staff do together, and the timer that destroys."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.vault import cases, destruction, openings
from export_user_data.vault.contract import AskOpening, Opening, ReadOpening, VaultCases, VaultLine, VaultSearch
from shared.admission import staff
from shared.callers import Role, Staff
from shared.contract import Nothing
from shared.http import JSON_LINES, Api, Call, JsonLines

OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
PRIVACY = staff(Role.PRIVACY)

_log = logging.getLogger("blue.vault")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(functions, "POST", "staff/vault/find", admission=PRIVACY, body=VaultSearch, answers={OK: VaultCases})
    async def find_vault_cases(call: Call[Staff, VaultSearch]) -> VaultCases:
        """Find what is blocked about somebody, without opening it."""
        services = call.services
        return await cases.search(
            call.body,
            staff_id=call.caller.staff_id,
            vault=services.vault,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/vault/{caseId}/openings",
        admission=PRIVACY,
        body=AskOpening,
        answers={OK: Opening},
        problems=("vault_case_unknown",),
    )
    async def ask_vault_opening(call: Call[Staff, AskOpening]) -> Opening:
        """Ask to open a case; another member of the privacy staff must agree within seven days."""
        return await openings.ask(
            call.id("caseId"),
            call.body,
            staff_id=call.caller.staff_id,
            vault=call.services.vault,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/vault/{caseId}/openings/{openingId}/approve",
        admission=PRIVACY,
        body=Nothing,
        answers={OK: Opening},
        problems=("vault_case_unknown", "vault_opening_unknown", "second_person_needed", "vault_opening_over", "busy"),
    )
    async def approve_vault_opening(call: Call[Staff, Nothing]) -> Opening:
        """Agree to an opening that somebody else asked for; both may read the case for 15 minutes."""
        return await openings.approve(
            call.id("caseId"),
            call.id("openingId"),
            staff_id=call.caller.staff_id,
            vault=call.services.vault,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/vault/{caseId}/openings/{openingId}/content",
        admission=PRIVACY,
        body=ReadOpening,
        answers={OK: VaultLine},
        problems=(
            "vault_case_unknown",
            "vault_opening_unknown",
            "vault_opening_not_yours",
            "vault_opening_not_approved",
            "vault_opening_over",
            "vault_damaged",
        ),
        media_type=JSON_LINES,
    )
    async def read_vault_opening(call: Call[Staff, ReadOpening]) -> JsonLines:
        """Read a part of an opened case, as JSON Lines; each look is in the ledger before."""
        lines = await openings.content(
            call.id("caseId"),
            call.id("openingId"),
            call.body.part,
            staff_id=call.caller.staff_id,
            vault=call.services.vault,
            now=call.services.clock(),
        )
        return JsonLines(lines)

    @functions.function_name("destroy_blocked")
    @functions.timer_trigger("timer", "0 40 * * * *")
    async def destroy_blocked(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Destroy what was blocked until now, and bring the keys of months under the first of the settings."""
        services = await api.services()
        destroyed = await destruction.destroy_due(vault=services.vault, now=services.clock)
        for what, count in destroyed.items():
            _log.info("destroyed: %d %s", count, what)
        _log.info("keys of months under a newer key: %d", await services.vault.wrap_anew())
