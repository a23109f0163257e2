"""A copy for a person who has asked for it otherwise than by the app: made, and handed over by staff."""

from export_user_data import exports
from export_user_data.contract import DownloadLink, Export
from export_user_data.on_behalf.acting import begin, check_there, named, tell
from export_user_data.on_behalf.answering import answer, check_fit
from export_user_data.on_behalf.contract import CopyOrdered, OnBehalf, Right, StaffCopy
from export_user_data.requests import rules
from export_user_data.requests.records import Register
from shared.blobs import Blobs
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.hubs import Hub
from shared.injection import reached


async def order_copy(person_id: str, said: CopyOrdered, register: Register, *, staff_id: str, hub: Hub) -> StaffCopy:
    """Have a copy made. Ordered again under the same request it is the same one, as far as it is.

    Raises:
        Problem: person_unknown; request_step_unfit.
    """
    await check_there(person_id, register)
    await check_fit(person_id, said, register)
    export_id = named(person_id, Right.COPY, said, said.scope)
    act = await begin(person_id, Right.COPY, said, act_id=export_id, staff_id=staff_id, register=register)
    asked = exports.Asked(actor=act.actor, channel=said.channel.value, job_id=export_id)
    export = await exports.request_export(
        person_id, said.scope, database=register.database, hub=hub, now=register.now, asked=asked
    )
    await reached("on_behalf.ordered")
    await tell(act, register)
    return _view(export)


async def copy_state(person_id: str, export_id: str, *, database: Database) -> StaffCopy:
    """How far a copy is that staff ordered.

    Raises:
        Problem: export_unknown, also of one that the person asked for themself.
    """
    await _ordered(person_id, export_id, database=database)
    return _view(await exports.export_state(person_id, export_id, jobs=database["jobs"]))


async def hand_over(
    person_id: str, export_id: str, said: OnBehalf, register: Register, *, staff_id: str, blobs: Blobs
) -> DownloadLink:
    """A link of minutes, for staff who give the copy to the person in a way that is secure; the person is told.

    A request for the copy is answered with this: one that nobody has is no answer, however long it lies there.

    Raises:
        Problem: request_step_unfit; export_unknown, export_not_ready or export_expired.
    """
    database, now = register.database, register.now
    item = await _ordered(person_id, export_id, database=database)
    exports.check_ready(item, now)
    await check_fit(person_id, said, register)
    act = await begin(
        person_id,
        Right.COPY_HANDED_OVER,
        said,
        act_id=export_id,
        staff_id=staff_id,
        register=register,
        is_one_of_many=True,
    )
    link = await exports.download_link(person_id, export_id, database=database, blobs=blobs, now=now, actor=act.actor)
    await reached("on_behalf.ordered")
    await answer(act, said, rules.Right(item["scope"]), register, exportId=export_id)
    await tell(act, register)
    return link


async def _ordered(person_id: str, export_id: str, *, database: Database) -> Item:
    """Nobody of the staff gets at what a person had made for themself."""
    item = await exports.own_export(person_id, export_id, jobs=database["jobs"])
    if "channel" not in item:
        raise Problem("export_unknown")
    return item


def _view(export: Export) -> StaffCopy:
    return StaffCopy(
        export_id=export.export_id,
        scope=export.scope,
        state=export.state,
        requested_at=export.requested_at,
        ready_at=export.ready_at,
        expires_at=export.expires_at,
    )
