"""The `watchdog:` block of fleet.yaml: who notices what did not happen, and who is told."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from rota.language.durations import PATTERN, Duration, format_duration
from rota.model import Declared
from rota.notices.spec import WATCHED, HookUrl, NotifySpec

SHORTEST = timedelta(seconds=10)
"""Between two checks: each is a workflow of its own."""
LONGEST = timedelta(hours=1)
"""What is noticed later than that, nobody waits for."""


def _interval(every: timedelta) -> timedelta:
    if not SHORTEST <= every <= LONGEST:
        shortest, longest = format_duration(SHORTEST), format_duration(LONGEST)
        raise ValueError(f"must be from {shortest} to {longest}, for example 1m")
    return every


def _all_by_default(entries: tuple[NotifySpec, ...]) -> tuple[NotifySpec, ...]:
    # What tells of runs by default says nothing of what did not run.
    return tuple(
        each if "on" in each.model_fields_set else each.model_copy(update={"on": WATCHED})
        for each in entries
    )


class BeatMethod(StrEnum):
    """How the beat is sent."""

    GET = "get"
    POST = "post"


class BeatSpec(Declared):
    """A sign of life after each finished check, to whoever notices when none comes."""

    url: HookUrl
    """Or a reference to a secret that holds it; trusted, so it may be private."""
    method: BeatMethod = BeatMethod.GET
    """A post says as JSON which fleet it is, and how many alerts are open."""


class WatchdogSpec(Declared):
    """The fleet's Watchdog; a fleet without this block has none."""

    every: Annotated[
        Duration,
        AfterValidator(_interval),
        WithJsonSchema({"type": "string", "pattern": PATTERN}),
    ] = timedelta(minutes=1)
    """From one check to the next."""
    queue: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    """Task queue of its own, served by `rota worker --watchdog`; None: with the keepers."""
    notify: Annotated[
        tuple[NotifySpec, ...],
        AfterValidator(_all_by_default),
    ] = ()
    """Who is told of alerts of the whole fleet; without `on`, of all of them."""
    beat: BeatSpec | None = None
    """Where a sign of life goes after each check; None: nowhere."""
    archive: bool = True
    """Put closed runs away in the object store, before the server forgets them."""
