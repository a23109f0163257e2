"""The functions of privacy staff who act for a person who has not used the app, also for one without an account."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.consents.settling import Stores
from export_user_data.contract import DownloadLink
from export_user_data.erasure.contract import Erasure, ErasurePlan
from export_user_data.on_behalf import choosing, copies, correcting, erasing, finding
from export_user_data.on_behalf.contract import (
    Acted,
    ConsentSaid,
    CopyOrdered,
    CorrectionSaid,
    ErasureConfirmed,
    ErasureOrdered,
    ObjectionSaid,
    OnBehalf,
    PeopleFound,
    PeopleSought,
    StaffCopy,
)
from export_user_data.rectification.contract import Rectification
from export_user_data.requests.records import Register
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call
from shared.rectifying import Means

ACCEPTED, OK = HTTPStatus.ACCEPTED, HTTPStatus.OK
PRIVACY = staff(Role.PRIVACY)
UNDER_REQUEST = ("request_step_unfit", "request_closed")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _finding(api, functions)
    _copies(api, functions)
    _erasures(api, functions)
    _choices(api, functions)
    _corrections(api, functions)


def _finding(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/people/find",
        admission=PRIVACY,
        body=PeopleSought,
        answers={OK: PeopleFound},
        problems=("person_unknown", "busy"),
    )
    async def find_people(call: Call[Staff, PeopleSought]) -> PeopleFound:
        """Find who has asked for something: random ids, and what they are to a device; nothing else of them."""
        services = call.services
        return await finding.find_people(
            call.body.who,
            call.body.purpose,
            staff_id=call.caller.staff_id,
            database=services.database,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )


def _copies(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/exports",
        admission=PRIVACY,
        body=CopyOrdered,
        answers={ACCEPTED: StaffCopy},
        problems=("person_unknown", "person_erased", *UNDER_REQUEST, "busy"),
    )
    async def order_export(call: Call[Staff, CopyOrdered]) -> StaffCopy:
        """Have a copy made for a person who has asked for it otherwise than by the app."""
        return await copies.order_copy(
            call.id("personId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            hub=call.services.hubs.jobs,
        )

    @api.operation(
        functions,
        "GET",
        "staff/people/{personId}/exports/{exportId}",
        admission=PRIVACY,
        answers={OK: StaffCopy},
        problems=("export_unknown",),
    )
    async def get_ordered_export(call: Call[Staff, None]) -> StaffCopy:
        """How far a copy is that staff ordered."""
        return await copies.copy_state(call.id("personId"), call.id("exportId"), database=call.services.database)

    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/exports/{exportId}/link",
        admission=PRIVACY,
        body=OnBehalf,
        answers={OK: DownloadLink},
        problems=("export_unknown", "export_not_ready", "export_expired", "person_unknown", *UNDER_REQUEST, "busy"),
    )
    async def hand_over_export(call: Call[Staff, OnBehalf]) -> DownloadLink:
        """Get a link of a few minutes to a copy that staff ordered, to give it to the person in a secure way."""
        return await copies.hand_over(
            call.id("personId"),
            call.id("exportId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            blobs=call.services.blobs,
        )


def _erasures(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/erasures",
        admission=PRIVACY,
        body=ErasureOrdered,
        answers={OK: ErasurePlan},
        problems=("person_unknown", "category_not_erasable", "device_not_yours", "request_step_unfit", "busy"),
    )
    async def plan_erasure_for(call: Call[Staff, ErasureOrdered]) -> ErasurePlan:
        """Show what an erasure for a person would do, with a word by which the same member of staff confirms it."""
        return await erasing.plan_erasure(
            call.id("personId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            keys=call.services.device_keys,
        )

    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/erasures/confirm",
        admission=PRIVACY,
        body=ErasureConfirmed,
        answers={ACCEPTED: Erasure},
        problems=("confirmation_invalid", "person_unknown", "request_step_unfit", "busy"),
    )
    async def confirm_erasure_for(call: Call[Staff, ErasureConfirmed]) -> Erasure:
        """Begin the erasure that was shown; the code for its receipt is for the person."""
        return await erasing.confirm_erasure(
            call.id("personId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            keys=call.services.device_keys,
            hub=call.services.hubs.jobs,
        )


def _choices(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/objections",
        admission=PRIVACY,
        body=ObjectionSaid,
        answers={OK: Acted},
        problems=("person_unknown", "device_not_yours", "guardian_needed", "person_erased", *UNDER_REQUEST, "busy"),
    )
    async def object_for_person(call: Call[Staff, ObjectionSaid]) -> Acted:
        """Enter that a person objects to statistics, or takes that back."""
        return await choosing.object_for(
            call.id("personId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            stores=Stores.of(call.services),
        )

    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/consents/{purpose}",
        admission=PRIVACY,
        body=ConsentSaid,
        answers={OK: Acted},
        problems=(
            "person_unknown",
            "purpose_unknown",
            "consent_text_outdated",
            "guardian_needed",
            "person_erased",
            *UNDER_REQUEST,
            "busy",
        ),
    )
    async def choose_consent_for(call: Call[Staff, ConsentSaid]) -> Acted:
        """Enter a consent that a person has signed, or that they withdraw one."""
        return await choosing.consent_for(
            call.id("personId"),
            call.id("purpose"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            stores=Stores.of(call.services),
        )


def _corrections(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/people/{personId}/rectifications",
        admission=PRIVACY,
        body=CorrectionSaid,
        answers={OK: Rectification},
        problems=(
            "person_unknown",
            "address_follows_sign_in",
            "device_not_yours",
            "interaction_unknown",
            "nothing_to_rectify",
            "person_erased",
            *UNDER_REQUEST,
            "busy",
        ),
    )
    async def rectify_for_person(call: Call[Staff, CorrectionSaid]) -> Rectification:
        """Correct the address of who has no account, the region of a device, or what a person told us."""
        return await correcting.correct_for(
            call.id("personId"),
            call.body,
            Register.of(call.services),
            staff_id=call.caller.staff_id,
            means=Means.of(call.services),
            mailer=call.services.mailer,
        )
