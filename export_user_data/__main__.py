"""Commands for operators: `python -m export_user_data COMMAND`, with the settings of the app in the environment."""

import argparse
import sys
from functools import partial
from typing import Final

from shared.__main__ import Command, main, no_arguments
from shared.services import Services


async def _replay_erasures(_args: argparse.Namespace, services: Services) -> int:
    from export_user_data.erasure.replaying import erase_again  # noqa: PLC0415 - loaded where used
    from export_user_data.erasure.tools import Tools  # noqa: PLC0415 - loaded where used
    from shared.journal import replay  # noqa: PLC0415 - loaded where used

    again = partial(erase_again, tools=Tools.of(services))
    entries = await replay(services.database, services.journal, now=services.clock(), again=again)
    sys.stdout.write(f"Replayed {entries} narrowing changes. The database may serve again.\n")
    return 0


COMMANDS: Final = {
    "replay-erasures": Command(
        "after a restore: narrow every policy again as the journal says, erase anew what was erased, raise all epochs",
        no_arguments,
        _replay_erasures,
        replaying=True,
    ),
}


if __name__ == "__main__":
    sys.exit(main(known=COMMANDS, prog="python -m export_user_data", about=__doc__))
