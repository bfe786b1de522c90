"""`rota effects`: what was done, what nobody knows, and the word that settles it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rota.effects.records import EffectRecord, EffectStage, OpenEffect
from rota.keepers.admission import RunRef
from rota.runs import RunStatus
from rota.tools import ToolDefinition, tool
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.claude import ending_of
from tests.workflows.gates import keepers_listed
from tests.workflows.standing import waits
from workers.cli.exit_codes import ExitCode
from workers.cli.known_effects import KnownEffect

pytestmark = pytest.mark.usefixtures("only_here")

NOW, MINUTE = datetime(2026, 11, 22, 3, tzinfo=UTC), timedelta(minutes=1)
SLOT = "2026-11-22T06:00:00Z"
POSTING: dict[str, Any] = {
    "runtime": script({"calls": [{"tool": "books.post"}]}, {"result": "{results.books_post}"}),
    "tools": ["books.post"],
}


def losing(times: int) -> ToolDefinition:
    """A tool that loses its first calls out of sight."""
    calls: list[None] = []

    @tool(name="books.post", effect="write")
    def post() -> str:
        """Post."""
        calls.append(None)
        if len(calls) <= times:
            raise ConnectionError("lost in the middle")
        return f"posted in call {len(calls)}"

    return post


async def effects(stack: Stack, *arguments: str) -> Ended:
    """Run `rota effects` against the stack's corner of the server."""
    options = ("--address", stack.address, "--store", stack.store.address)
    return await rota("effects", *arguments, *options, "--task-queue", stack.task_queue)


async def test_effect_that_a_parked_run_asks_about_is_listed_and_resolved(stack: Stack) -> None:
    """Found by its agent, settled by the first digits of its id; the run goes on with it."""
    name = stack.name("poster")
    async with stack.worker([losing(1)]):
        await stack.declare(name, **POSTING)
        run = await stack.start(name, f"{name}-1")
        await waits(run, RunStatus.PARKED)
        await keepers_listed(stack, name)
        (listed,) = (await effects(stack, name, "--unknown", "--json")).json
        shown = await effects(stack, "--unknown", name)
        options = ("--address", stack.address, "--store", stack.store.address)
        run_shown = await rota("show", f"{name}-1", *options)
        said = ("happened", "--receipt", '{"number": 17}', "--by", "ann", "--note", "I looked")
        done = await effects(stack, "resolve", listed["id"][:12], *said)
        result = await run.result()
        left = await effects(stack, name, "--unknown")
        (known,) = (await effects(stack, f"{name}-1", "--json")).json
    assert (listed["stage"], listed["asked_by"]) == ("unknown", [f"{name}-1"])
    assert "lost in the middle" in listed["text"]
    assert listed["id"] in shown.out
    assert f"waits for: effect {listed['id']} of books.post: did it happen?" in run_shown.out
    assert "waits for: books.post" not in run_shown.out
    assert "'rota effects resolve ID happened|did-not'" in run_shown.out
    assert (done.code, done.err) == (
        ExitCode.OK,
        f"books.post of {name}-1: effect {listed['id']} happened, says ann: I looked\n",
    )
    assert json.loads(result.output)["receipt"] == {"number": 17}
    assert "no unknown effects" in left.err
    assert (known["stage"], known["resolution"]["by"]) == ("happened", "ann")


async def test_effect_of_a_run_that_has_ended_is_resolved_for_the_next_one(stack: Stack) -> None:
    """Nobody waits: the word goes on record, and the slot's next run goes by it."""
    name = stack.name("poster")
    async with stack.worker([losing(1)]):
        await stack.declare(name, **POSTING, effects={"on_unknown": "fail"})
        await ending_of(await stack.start(name, f"{name}-1", slot=SLOT))
        await keepers_listed(stack, name)
        (listed,) = (await effects(stack, name, "--unknown", "--json")).json
        done = await effects(stack, "resolve", listed["id"], "did-not", "--by", "ann", "--json")
        again = await effects(stack, "resolve", listed["id"], "happened")
        by_key = await effects(stack, "resolve", listed["key"], "happened")
        result = await stack.run(name, f"{name}-2", slot=SLOT)
        of_agent = (await effects(stack, name, "--json")).json
    assert done.json["happened"] is False
    assert "no run waits for it, the next one goes by it" in done.json["told"]
    assert (again.code, "nobody asks about an effect" in again.err) == (ExitCode.NOT_FOUND, True)
    assert "is resolved already: it did not happen" in by_key.err
    assert result.output == "posted in call 2"
    assert [each["stage"] for each in of_agent] == ["happened"]


@pytest.mark.parametrize(
    ("stage", "until", "waits"),
    [
        (EffectStage.UNKNOWN, None, True),
        (EffectStage.HAPPENED, NOW + MINUTE, True),
        (EffectStage.HAPPENED, NOW - MINUTE, False),
        (EffectStage.HAPPENED, None, False),
    ],
)
def test_effect_is_listed_as_unknown_also_while_a_run_has_not_seen_its_end(
    stage: EffectStage, until: datetime | None, waits: bool
) -> None:
    """Whoever follows a notification finds what the run waits for."""
    run = RunRef(id="poster-1", key="poster-1-key")
    record = EffectRecord.model_validate(
        {"key": "k" * 64, "tool": "books.post", "effect": "write", "agent": "poster"}
        | {"run": run, "node": "n", "index": 0, "arguments": "a", "attempt": "1/1"}
        | {"version": 3, "stage": stage, "at": NOW, "begun_at": NOW}
    )
    asks = OpenEffect(key=record.key, tool=record.tool, run=run, text="", since=NOW, until=until)
    assert KnownEffect(record, (asks,)).waits(NOW) is waits


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("resolve", "0000", "happened"), "'rota effects --unknown' lists those that are open"),
        (("resolve", "0000", "did-not", "--receipt", "17"), "did not happen has no receipt"),
        (("nobody-and-nothing",), "no run 'nobody-and-nothing'"),
    ],
)
async def test_effects_that_cannot_be_found_or_said_are_refused_in_one_line(
    stack: Stack, arguments: tuple[str, ...], words: str
) -> None:
    """What is wrong, and where to look."""
    async with stack.worker():
        await stack.declare(stack.name("poster"), **POSTING)
        ended = await effects(stack, *arguments)
    assert ended.code in (ExitCode.NOT_FOUND, ExitCode.WRONG)
    assert words in ended.err
