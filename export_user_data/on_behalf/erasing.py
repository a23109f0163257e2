"""An erasure for a person: shown to a member of staff, and begun when the same one confirms it."""

from datetime import datetime

from export_user_data.erasure import requests
from export_user_data.erasure.contract import Erasure, ErasurePlan, ErasureRequest
from export_user_data.on_behalf.acting import begin, check_there, named, tell
from export_user_data.on_behalf.contract import ErasureConfirmed, ErasureOrdered, Right
from shared.cosmos import Database
from shared.hubs import Hub
from shared.injection import reached
from shared.keys import KeySet


async def plan_erasure(
    person_id: str, said: ErasureOrdered, *, staff_id: str, database: Database, keys: KeySet, now: datetime
) -> ErasurePlan:
    """What it would do and what it would wait for, with a word by which this member of staff confirms it.

    Raises:
        Problem: person_unknown; or as for the person themself.
    """
    await check_there(person_id, database=database)
    request = ErasureRequest.model_validate(
        {"scope": said.scope, "deviceId": said.device_id, "category": said.category}
    )
    plan = await requests.plan_erasure(person_id, request, database=database, keys=keys, now=now, by_staff=staff_id)
    act_id = named(person_id, Right.ERASURE_PLANNED, said, said.scope, said.device_id or "", said.category or "")
    await begin(
        person_id,
        Right.ERASURE_PLANNED,
        said,
        act_id=act_id,
        staff_id=staff_id,
        database=database,
        now=now,
        is_one_of_many=True,
    )
    return plan


async def confirm_erasure(
    person_id: str,
    said: ErasureConfirmed,
    *,
    staff_id: str,
    database: Database,
    keys: KeySet,
    identity_key: bytes,
    hub: Hub,
    now: datetime,
) -> Erasure:
    """Begin it. The code for the receipt is answered here and nowhere else: it is for the person, on paper.

    A repeat within ten minutes answers the same, also when the person is erased by then.

    Raises:
        Problem: confirmation_invalid, also when another member of staff was shown the plan.
    """
    erasure_id = requests.confirmed_id(person_id, said.confirmation, keys=keys, now=now, by_staff=staff_id)
    begun = await database["jobs"].read(erasure_id, erasure_id)
    if begun is None:
        await check_there(person_id, database=database)
        act = await begin(
            person_id, Right.ERASURE, said, act_id=erasure_id, staff_id=staff_id, database=database, now=now
        )
        await tell(act, database=database)
        await reached("on_behalf.ordered")
    return await requests.confirm(
        person_id,
        said.confirmation,
        database=database,
        keys=keys,
        identity_key=identity_key,
        hub=hub,
        now=now,
        by_staff=staff_id,
    )
