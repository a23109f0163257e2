"""`python -m local run`: start the local cloud, do the main job in it, say how it went."""

import argparse
import contextlib
import sys

import aiohttp

from local.api import Refused
from local.narration import Narration, StepFailed
from local.story import Story
from local.up import add_cloud_arguments, cloud_from, table, until_stopped


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Start the local cloud and do the main job over HTTP: a resident signs in and pairs a monitor, the monitor "
        "sends readings of this machine, the resident exports everything and verifies it. Stays up until Ctrl-C."
    )
    add_cloud_arguments(parser)
    parser.add_argument("--exit", action="store_true", help="end after the last step: 0 only if every step held")


async def run(args: argparse.Namespace) -> int:
    """Tell the story; the exit code is 0 only if every step held."""
    tell = Narration()

    async def told() -> int:
        async with contextlib.AsyncExitStack() as started:
            with tell.step("Start the local cloud"):
                cloud = await started.enter_async_context(cloud_from(args))
            tell.console.print(table(cloud))
            story = Story.in_cloud(cloud, tell)
            failed = await _told(story)
            if failed:
                tell.console.print(failed, markup=False, style="red", soft_wrap=True)
                return 1
            _summary(story)
            if args.exit:
                return 0
            tell.console.print("Everything stays up. Ctrl-C ends it.")
            print(await cloud.failure(), file=sys.stderr, flush=True)
        return 1

    return await until_stopped(told)


async def _told(story: Story) -> str:
    """Why the story ended early, or nothing."""
    try:
        await story.all_steps()
    except (StepFailed, Refused, aiohttp.ClientError, TimeoutError, KeyError) as error:
        return f"{_sentence(error)}\nThe logs are in {story.cloud.state.logs}."
    return ""


def _sentence(error: Exception) -> str:
    match error:
        case StepFailed():
            return str(error)
        case Refused():
            return f"The service refused: {error}"
        case KeyError():
            return f"The service's answer lacks the field {error}."
        case _:
            return f"The service gave no answer: {type(error).__name__} {error}"


def _summary(story: Story) -> None:
    host = story.cloud.host_url
    story.tell.console.print(
        f"\nEvery step held. The export: {story.bundle}\n"
        f"The service: {host}/api   its description: {host}/api/openapi.json",
        soft_wrap=True,
    )
