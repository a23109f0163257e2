"""Corrections that a person told staff: of the address of who has no account, of a region, of an interaction."""

from dataclasses import replace
from typing import Final

from export_user_data.on_behalf.acting import Act, begin, check_there, named, tell
from export_user_data.on_behalf.answering import answer, check_fit
from export_user_data.on_behalf.contract import CorrectionSaid, Right
from export_user_data.rectification.contract import Rectification
from export_user_data.rectification.corrections import region_correction, view
from export_user_data.rectification.interactions import interaction_correction
from export_user_data.requests import rules
from export_user_data.requests.records import Register
from shared.errors import Problem
from shared.injection import reached
from shared.keys import keyed_id
from shared.mail import Mailer
from shared.notifications import deliver, item_id, notify
from shared.people import PERSON
from shared.rectifying import Correction, Means, person_correction, rectify

WARNINGS_TRIED: Final = 3
"""Attempts under one request after which an address is corrected that takes no mail: it may be what is wrong."""

_NO_MAIL_RETRY_AFTER_S: Final = 60


async def correct_for(
    person_id: str, said: CorrectionSaid, register: Register, *, staff_id: str, means: Means, mailer: Mailer
) -> Rectification:
    """Let the value be what the person says that it is; what it was is blocked, and recipients are told.

    Before an address is another one, the present one is told: whoever reads mail there learns of a letter of somebody
    else's.

    Raises:
        Problem: person_unknown; request_step_unfit; address_follows_sign_in; busy, also while no mail goes out; or as
            for the person themself.
    """
    await check_there(person_id, register)
    await check_fit(person_id, said, register)
    correction = await _wanted(person_id, said, means=means)
    value = keyed_id(register.identity_key, "corrected value", str(correction.value))  # another one is another act
    act_id = named(person_id, Right.RECTIFICATION, said, said.field, correction.subject_id, value)
    act = await begin(person_id, Right.RECTIFICATION, said, act_id=act_id, staff_id=staff_id, register=register)
    if said.field == "email":
        await _warn(act, means=means, mailer=mailer)
    entered = replace(correction, entered_by=staff_id, channel=said.channel.value)
    record = await rectify(person_id, entered, means=means, now=register.now)
    if record is None:
        raise Problem("nothing_to_rectify")
    await reached("on_behalf.ordered")
    corrected = view(record)
    await answer(act, said, rules.Right.RECTIFICATION, register, rectificationId=corrected.rectification_id)
    await tell(act, register)
    return corrected


async def _warn(act: Act, *, means: Means, mailer: Mailer) -> None:
    """Have the mail go out now: the timer would find the new address."""
    people = means.database["people"]
    told = await notify(act.person_id, "address_moving", act.act_id, {"since": act.at}, people=people, now=act.at)
    await deliver(act.person_id, told, people=people, mailer=mailer, now=lambda: act.at)
    notification = await people.read(act.person_id, item_id(told))
    if notification is not None and notification["mail"] == "pending" and notification["attempts"] < WARNINGS_TRIED:
        raise Problem("busy", retry_after_s=_NO_MAIL_RETRY_AFTER_S)
    await reached("on_behalf.warned")


async def _wanted(person_id: str, said: CorrectionSaid, *, means: Means) -> Correction:
    if said.device_id is not None and said.region is not None:
        return await region_correction(person_id, said.device_id, said.region, means=means)
    if said.interaction_id is not None and said.text is not None:
        return await interaction_correction(person_id, said.interaction_id, said.text, means=means)
    person = await means.database["people"].read(person_id, PERSON)
    if person is None:
        raise Problem("person_unknown")
    if "identityKey" in person:
        raise Problem("address_follows_sign_in")
    if "email" not in person:
        raise Problem("nothing_to_rectify")
    return person_correction(person_id, person["email"], str(said.email).lower())
