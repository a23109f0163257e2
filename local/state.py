"""Where one local cloud keeps what it stores: a directory, used by one cloud at a time."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.prerequisites import ROOT
from local.serving import CannotStart

DEFAULT: Final = ROOT / ".local"


class State:
    """The files of one local cloud. Everything it writes lies under `root`."""

    def __init__(self, root: Path = DEFAULT) -> None:
        self.root = root.resolve()
        self.blobs = self.root / "azurite"
        self.hubs = self.root / "eventhubs"
        self.cosmos = self.root / "cosmos" / "blue.sqlite"
        self.identity = self.root / "identity.json"
        self.keys = self.root / "keys.json"
        self.mail = self.root / "mail"
        self.recipient = self.root / "recipient"
        self.exports = self.root / "exports"
        self.logs = self.root / "logs"

    @property
    def _directories(self) -> tuple[Path, ...]:
        return self.blobs, self.hubs, self.cosmos.parent, self.mail, self.recipient, self.exports, self.logs

    @contextlib.contextmanager
    def held(self, *, fresh: bool = False) -> Iterator[None]:
        """Take the directory for this process, wiped first when `fresh`.

        Raises:
            CannotStart: another cloud uses it, or what is in it doesn't belong together.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CannotStart(
                    f"Another local cloud uses {self.root}. End it, or choose another directory with --data."
                ) from error
            if fresh:
                self._wipe()
            self._check()
            self._make()
            yield

    def _wipe(self) -> None:
        """Remove what a local cloud made, and nothing that happens to lie beside it."""
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)
        for file in (self.identity, self.keys):
            file.unlink(missing_ok=True)

    def _check(self) -> None:
        # A checkpoint that points beyond the end of its log would stop that partition for good.
        if self.blobs.exists() != self.hubs.exists():
            raise CannotStart(
                f"{self.root} has only one of azurite/ (with the checkpoints) and eventhubs/ (the logs that they "
                "point into). Start once with --fresh."
            )

    def _make(self) -> None:
        shutil.rmtree(self.logs, ignore_errors=True)  # logs tell about one run
        for directory in self._directories:
            directory.mkdir(parents=True, exist_ok=True)
