"""The functions of rectification: corrections, interactions, annotations, and the timer that completes corrections."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.rectification import annotations, corrections, interactions
from export_user_data.rectification.contract import (
    Annotation,
    AnnotationRemoved,
    AnnotationRequest,
    Annotations,
    InteractionEntered,
    InteractionEntry,
    Interactions,
    InteractionText,
    Rectification,
    RectificationRequest,
    Rectifications,
)
from shared.admission import RESIDENT, staff
from shared.callers import Resident, Role, Staff
from shared.contract import Nothing
from shared.http import Api, Call
from shared.rectifying import Means, complete_cut_off
from shared.services import Services

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK

_log = logging.getLogger("blue.rectification")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _corrections(api, functions)
    _interactions(api, functions)
    _annotations(api, functions)


def _corrections(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "me/rectifications",
        admission=RESIDENT,
        body=RectificationRequest,
        answers={OK: Rectification},
        problems=("nothing_to_rectify", "device_not_yours", "busy"),
    )
    async def request_rectification(call: Call[Resident, RectificationRequest]) -> Rectification:
        """Correct the account's address, which follows the sign-in, or the region of a device."""
        return await corrections.request_correction(
            call.caller, call.body, means=Means.of(call.services), now=call.services.clock()
        )

    @api.operation(functions, "GET", "me/rectifications", admission=RESIDENT, answers={OK: Rectifications})
    async def list_rectifications(call: Call[Resident, None]) -> Rectifications:
        """What the caller has corrected, the newest first."""
        return await corrections.list_corrections(call.caller.person_id, database=call.services.database)

    @functions.function_name("complete_rectifications")
    @functions.timer_trigger("timer", "45 */5 * * * *")
    async def complete_rectifications(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Complete corrections that were cut off."""
        services = await api.services()
        for end, count in (await complete_cut_off(means=Means.of(services), now=services.clock())).items():
            _log.info("%d rectifications: %s", count, end)


def _interactions(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/interactions",
        admission=staff(Role.SALES),
        body=InteractionEntry,
        answers={CREATED: InteractionEntered},
        problems=("device_not_registered",),
    )
    async def enter_interaction(call: Call[Staff, InteractionEntry]) -> InteractionEntered:
        """Enter what a person told us through the website, to sales or to a technician."""
        services = call.services
        return await interactions.enter_interaction(
            call.caller,
            call.body,
            database=services.database,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )

    @api.operation(functions, "GET", "me/interactions", admission=RESIDENT, answers={OK: Interactions})
    async def list_interactions(call: Call[Resident, None]) -> Interactions:
        """What the caller told us through the website, to sales or to technicians, the newest first."""
        return await interactions.list_interactions(call.caller.person_id, people=call.services.database["people"])

    @api.operation(
        functions,
        "POST",
        "me/interactions/{interactionId}/rectify",
        admission=RESIDENT,
        body=InteractionText,
        answers={OK: Rectification},
        problems=("interaction_unknown", "nothing_to_rectify", "busy"),
    )
    async def rectify_interaction(call: Call[Resident, InteractionText]) -> Rectification:
        """Correct what the caller told us."""
        return await interactions.rectify_interaction(
            call.caller.person_id,
            call.id("interactionId"),
            call.body,
            means=Means.of(call.services),
            now=call.services.clock(),
        )


def _annotations(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/annotations",
        admission=RESIDENT,
        body=AnnotationRequest,
        answers={OK: Annotation},
        problems=("device_not_yours", "reading_unknown", "annotations_too_many", "busy"),
    )
    async def annotate_reading(call: Call[Resident, AnnotationRequest]) -> Annotation:
        """Say that a reading is not right: it stays as the monitor sent it, and no figure counts it."""
        return await annotations.annotate(
            call.caller.person_id,
            call.id("deviceId"),
            call.body,
            desk=_desk(call.services),
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}/annotations",
        admission=RESIDENT,
        answers={OK: Annotations},
        problems=("device_not_yours",),
    )
    async def list_annotations(call: Call[Resident, None]) -> Annotations:
        """What the caller said about readings of a device, the newest first."""
        return await annotations.list_annotations(
            call.caller.person_id, call.id("deviceId"), database=call.services.database
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/annotations/{annotationId}/remove",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: AnnotationRemoved},
        problems=("device_not_yours", "annotation_unknown", "busy"),
    )
    async def remove_annotation(call: Call[Resident, Nothing]) -> AnnotationRemoved:
        """Take back what was said about a reading: it counts again."""
        await annotations.remove_annotation(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("annotationId"),
            desk=_desk(call.services),
            now=call.services.clock(),
        )
        return AnnotationRemoved(annotation_id=call.id("annotationId"))


def _desk(services: Services) -> annotations.Desk:
    return annotations.Desk(database=services.database, hub=services.hubs.jobs, webhooks=services.webhooks)
