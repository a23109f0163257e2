"""An erasure for a person: shown to a member of staff, and begun when the same one confirms it.

An erasure of everything answers what the person has open, and waits for what goes before it (`requests.precedence`).
"""

from export_user_data.erasure import requests
from export_user_data.erasure.contract import Erasure, ErasurePlan, ErasureRequest
from export_user_data.on_behalf.acting import begin, check_there, named, tell
from export_user_data.on_behalf.answering import check_fit
from export_user_data.on_behalf.contract import ErasureConfirmed, ErasureOrdered, Right
from export_user_data.requests.records import Register
from shared.hubs import Hub
from shared.injection import reached
from shared.keys import KeySet


async def plan_erasure(
    person_id: str, said: ErasureOrdered, register: Register, *, staff_id: str, keys: KeySet
) -> ErasurePlan:
    """What it would do and what it would wait for, with a word by which this member of staff confirms it.

    Raises:
        Problem: person_unknown; request_step_unfit; or as for the person themself.
    """
    await check_there(person_id, register)
    await check_fit(person_id, said, register)
    request = ErasureRequest.model_validate(
        {"scope": said.scope, "deviceId": said.device_id, "category": said.category}
    )
    plan = await requests.plan_erasure(
        person_id, request, database=register.database, keys=keys, now=register.now, by_staff=staff_id
    )
    act_id = named(person_id, Right.ERASURE_PLANNED, said, said.scope, said.device_id or "", said.category or "")
    await begin(
        person_id,
        Right.ERASURE_PLANNED,
        said,
        act_id=act_id,
        staff_id=staff_id,
        register=register,
        is_one_of_many=True,
    )
    return plan


async def confirm_erasure(
    person_id: str, said: ErasureConfirmed, register: Register, *, staff_id: str, keys: KeySet, hub: Hub
) -> Erasure:
    """Begin it. The code for the receipt is answered here and nowhere else: it is for the person, on paper.

    A repeat within ten minutes answers the same, also when the person is erased by then.

    Raises:
        Problem: confirmation_invalid, also when another member of staff was shown the plan; request_step_unfit.
    """
    database, now = register.database, register.now
    erasure_id = requests.confirmed_id(person_id, said.confirmation, keys=keys, now=now, by_staff=staff_id)
    begun = await database["jobs"].read(erasure_id, erasure_id)
    if begun is None:
        await check_there(person_id, register)
        await check_fit(person_id, said, register)
        act = await begin(person_id, Right.ERASURE, said, act_id=erasure_id, staff_id=staff_id, register=register)
        await tell(act, register)
        await reached("on_behalf.ordered")
    return await requests.confirm(
        person_id,
        said.confirmation,
        database=database,
        keys=keys,
        identity_key=register.identity_key,
        hub=hub,
        now=now,
        by_staff=staff_id,
    )
