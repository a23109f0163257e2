"""A copy for a person who has asked for it otherwise than by the app: made, and handed over by staff."""

from datetime import datetime

from export_user_data import exports
from export_user_data.contract import DownloadLink, Export
from export_user_data.on_behalf.acting import begin, check_there, named, tell
from export_user_data.on_behalf.contract import CopyOrdered, OnBehalf, Right, StaffCopy
from shared.blobs import Blobs
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.hubs import Hub
from shared.injection import reached


async def order_copy(
    person_id: str, said: CopyOrdered, *, staff_id: str, database: Database, hub: Hub, now: datetime
) -> StaffCopy:
    """Have a copy made. Ordered again under the same request it is the same one, as far as it is.

    Raises:
        Problem: person_unknown.
    """
    await check_there(person_id, database=database)
    export_id = named(person_id, Right.COPY, said, said.scope)
    act = await begin(person_id, Right.COPY, said, act_id=export_id, staff_id=staff_id, database=database, now=now)
    asked = exports.Asked(actor=act.actor, channel=said.channel.value, job_id=export_id)
    export = await exports.request_export(person_id, said.scope, database=database, hub=hub, now=now, asked=asked)
    await reached("on_behalf.ordered")
    await tell(act, database=database)
    return _view(export)


async def copy_state(person_id: str, export_id: str, *, database: Database) -> StaffCopy:
    """How far a copy is that staff ordered.

    Raises:
        Problem: export_unknown, also of one that the person asked for themself.
    """
    await _ordered(person_id, export_id, database=database)
    return _view(await exports.export_state(person_id, export_id, jobs=database["jobs"]))


async def hand_over(
    person_id: str,
    export_id: str,
    said: OnBehalf,
    *,
    staff_id: str,
    database: Database,
    blobs: Blobs,
    now: datetime,
) -> DownloadLink:
    """A link of minutes, for staff who give the copy to the person in a way that is secure; the person is told.

    Raises:
        Problem: export_unknown, export_not_ready or export_expired.
    """
    item = await _ordered(person_id, export_id, database=database)
    exports.check_ready(item, now)
    act = await begin(
        person_id,
        Right.COPY_HANDED_OVER,
        said,
        act_id=export_id,
        staff_id=staff_id,
        database=database,
        now=now,
        is_one_of_many=True,
    )
    link = await exports.download_link(person_id, export_id, database=database, blobs=blobs, now=now, actor=act.actor)
    await tell(act, database=database)
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
