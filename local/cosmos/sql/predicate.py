"""The predicate of a patch, `from c where ...`, on the one item to be patched."""

import functools

from local.cosmos.failures import bad_request
from local.cosmos.sql.evaluation import Context
from local.cosmos.sql.parser import parse_condition
from local.cosmos.sql.select import Select
from local.cosmos.values import Json


def holds(condition: Json, document: dict[str, Json], now: float) -> bool:
    """Whether a condition is true of a document.

    Raises:
        Failure: it is no condition.
    """
    if not isinstance(condition, str):
        raise bad_request("The condition of a patch must be text: from c where ...")
    return bool(_compiled(condition).frames((Context({}, int(now * 1000)), document)))


@functools.lru_cache(maxsize=256)
def _compiled(condition: str) -> Select:
    query = parse_condition(condition)
    if len(query.sources) != 1 or query.order or query.limit is not None:
        raise bad_request("The condition of a patch has the form: from c where ...")
    return Select(query)
