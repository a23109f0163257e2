"""Objections and consents that a person told staff; they count as those that are said in the app."""

from export_user_data.consents import consents, objections
from export_user_data.consents.contract import Consenting
from export_user_data.consents.recording import By, entries, last
from export_user_data.consents.settling import Stores
from export_user_data.on_behalf.acting import Act, begin, check_there, named, tell
from export_user_data.on_behalf.answering import answer, check_fit
from export_user_data.on_behalf.contract import SIGNED, Acted, ConsentSaid, ObjectionSaid, Right
from export_user_data.requests import rules
from export_user_data.requests.records import Register
from shared import consent_texts
from shared.data_map.choices import PURPOSES
from shared.errors import Problem
from shared.injection import reached
from shared.templates import Language


async def object_for(
    person_id: str, said: ObjectionSaid, register: Register, *, staff_id: str, stores: Stores
) -> Acted:
    """Let the person object to statistics, or take that back.

    Raises:
        Problem: person_unknown; request_step_unfit; or as for the person themself.
    """
    await check_there(person_id, register)
    await check_fit(person_id, said, register)
    right = Right.OBJECTION if said.objected else Right.OBJECTION_WITHDRAWN
    act_id = named(person_id, right, said, said.device_id or "")
    act = await begin(person_id, right, said, act_id=act_id, staff_id=staff_id, register=register)
    choose = objections.object_to_statistics if said.objected else objections.withdraw_objection
    await choose(_by(act), said.device_id, stores=stores, now=register.now)
    await reached("on_behalf.ordered")
    if said.objected:
        await answer(act, said, rules.Right.OBJECTION, register)
    await tell(act, register)
    return act.view


async def consent_for(
    person_id: str, purpose: str, said: ConsentSaid, register: Register, *, staff_id: str, stores: Stores
) -> Acted:
    """Let the person give a consent that they have signed, or withdraw one in whatever way.

    Raises:
        Problem: person_unknown; request_step_unfit; field_out_of_range, when it is given without a paper; or as for the
            person themself.
    """
    await check_there(person_id, register)
    await check_fit(person_id, said, register)
    if said.given and said.channel not in SIGNED:
        raise Problem("field_out_of_range", pointer="/channel")
    if purpose not in PURPOSES:
        raise Problem("purpose_unknown")
    chosen = await _chosen(person_id, purpose, said, stores=stores)
    right = Right.CONSENT_GIVEN if said.given else Right.CONSENT_WITHDRAWN
    act_id = named(person_id, right, said, purpose)
    act = await begin(person_id, right, said, act_id=act_id, staff_id=staff_id, register=register)
    await consents.choose(_by(act), purpose, chosen, stores=stores, now=register.now)
    await reached("on_behalf.ordered")
    if not said.given:
        await answer(act, said, rules.Right.CONSENT_WITHDRAWAL, register)
    await tell(act, register)
    return act.view


async def _chosen(person_id: str, purpose: str, said: ConsentSaid, *, stores: Stores) -> Consenting:
    """With the text: that of the paper, or what the person had consented to."""
    version, sha256 = said.notice_version, said.notice_hash
    if said.given and (version is None or sha256 is None):
        raise Problem("field_missing", pointer="/noticeVersion" if version is None else "/noticeHash")
    if version is None or sha256 is None:
        history = await entries(person_id, "consent", people=stores.database["people"])
        given = last(history, purpose=purpose, given=True)
        present = consent_texts.present(purpose, Language.ENGLISH)
        version, sha256 = (given["noticeVersion"], given["noticeHash"]) if given else (present.version, present.sha256)
    return Consenting.model_validate({"given": said.given, "noticeVersion": version, "noticeHash": sha256})


def _by(act: Act) -> By:
    return By(act.person_id, channel=act.channel, entered_by=act.staff_id)
