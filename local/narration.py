"""Telling a person what happens: numbered steps, what came back in short, how long each took."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from rich.console import Console

PLAIN_WIDTH: Final = 140
"""Where the output is no terminal, lines are not folded to a guess."""
POLL_SECONDS: Final = 0.25


class StepFailed(Exception):
    """A step did not hold; the message is a sentence that says what was expected and what came."""


class Step:
    """One step while it runs."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._status = console.status(title)
        self._shown = ""
        self._results: list[str] = []

    def result(self, text: str) -> None:
        """Something that came back, for the line under the step."""
        self._results.append(text)

    def progress(self, text: str) -> None:
        """How far a longer step is: beside its spinner, or as a line where there is no terminal."""
        if self._console.is_terminal:
            self._status.update(f"{self._title}: {text}")
        elif text != self._shown:
            self._shown = text
            self._console.print(f"      … {text}", markup=False)

    def check(self, held: object, otherwise: str) -> None:
        """Go on only if `held` is true.

        Raises:
            StepFailed: with the sentence `otherwise`.
        """
        if not held:
            raise StepFailed(otherwise)

    async def until[Found](self, look: Callable[[], Awaitable[Found | None]], seconds: float, hoped: str) -> Found:
        """Look again and again until something is found.

        Raises:
            StepFailed: nothing was found in that time; `hoped` is a word like "stored".
        """
        end = time.monotonic() + seconds
        while True:
            found = await look()
            if found is not None:
                return found
            if time.monotonic() > end:
                raise StepFailed(f"Not {hoped} after {seconds:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)

    @property
    def results(self) -> list[str]:
        """What came back."""
        return self._results

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Show that it runs."""
        with self._status:
            yield


class Narration:
    """The steps of one run, in order."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = PLAIN_WIDTH
        self.steps = 0

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, and say at its end how it went; an error passes through."""
        self.steps += 1
        step, begun = Step(self.console, title), time.perf_counter()
        try:
            with step.running():
                yield step
        except Exception:
            self._line("✗", title, begun, style="red")
            raise
        self._line("✓", title, begun, style="green")
        for text in step.results:
            self.console.print(f"      {text}", markup=False, style="dim", soft_wrap=True)

    def _line(self, mark: str, title: str, begun: float, *, style: str) -> None:
        took = time.perf_counter() - begun
        self.console.print(f"[{style}]{mark}[/] {self.steps:>2}. {title}  [dim]{took:.2f} s[/]", soft_wrap=True)
