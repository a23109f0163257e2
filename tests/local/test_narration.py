"""How a run tells what happens, and how a failed step reads."""

import io
import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from rich.console import Console

from local.api import Refused
from local.narration import Narration, StepFailed
from local.resident import mentions
from local.walkthrough import _sentence


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def tell(said: io.StringIO) -> Narration:
    return Narration(Console(file=said, highlight=False))


def test_steps_are_numbered_and_show_what_came_back(tell: Narration, said: io.StringIO) -> None:
    """In the order of the run, with their durations; markup in a result is text."""
    with tell.step("First"):
        pass
    with tell.step("Second") as step:
        step.result("person [p-1]")
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("✓  1. First")
    assert lines[1].startswith("✓  2. Second")
    assert lines[2].strip() == "person [p-1]"


def test_a_step_that_does_not_hold_is_marked_and_ends_the_run(tell: Narration, said: io.StringIO) -> None:
    """Its sentence reaches whoever runs it."""
    with pytest.raises(StepFailed, match="It rained"), tell.step("Picnic") as step:
        step.check(held=False, otherwise="It rained.")
    assert said.getvalue().startswith("✗  1. Picnic")


async def test_waiting_tells_how_far_it_is_and_ends(tell: Narration, said: io.StringIO) -> None:
    """Each stage once; what never comes is a failed step, not a hang."""
    stages = iter(["queued", "running", "running", None])

    with tell.step("Wait") as step:

        async def look() -> str | None:
            if (stage := next(stages)) is None:
                return "found"
            step.progress(stage)
            return None

        assert await step.until(look, 60, "ready") == "found"

        async def never() -> None:
            return None

        with pytest.raises(StepFailed, match="Not ready after 0 s"):
            await step.until(never, 0, "ready")
    assert said.getvalue().count("running") == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StepFailed("It rained."), "It rained."),
        (
            Refused(422, {"code": "field_missing", "title": "No.", "pointer": "/device"}),
            "The service refused: 422 field_missing (/device): No.",
        ),
        (KeyError("token"), "The service's answer lacks the field 'token'."),
        (TimeoutError(), "The service gave no answer: TimeoutError "),
    ],
)
def test_whatever_goes_wrong_is_a_sentence(error: Exception, sentence: str) -> None:
    """No traceback for what the service does wrong."""
    assert _sentence(error) == sentence


def test_the_rows_of_an_export_are_counted_by_what_they_mention(tmp_path: Path) -> None:
    """In every JSON Lines file, and in no other."""
    bundle = tmp_path / "export.zip"
    with ZipFile(bundle, "w") as archive:
        archive.writestr("usage.jsonl", "\n".join(json.dumps({"messageId": word}) for word in ("m-1", "m-1", "m-2")))
        archive.writestr("usage.csv", "m-1,m-1,m-1")
    assert mentions(bundle, ["m-1", "m-2", "m-3"]) == {"m-1": 2, "m-2": 1, "m-3": 0}
