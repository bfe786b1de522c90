"""The runtime that docs/runtimes.md shows works: installed from the page, it answers a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.runtimes.kinds import runtime_kind
from rota.runs import RunStatus
from rota.runtimes.kind import Probing
from tests.house.documented_runtime import installed
from tests.stack import Stack
from tests.workflows.claude import ending_of

AGENT = {"runtime": {"kind": "acme", "model": "grey"}, "instructions": "Repeat."}


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is installed."""
    with installed(tmp_path, monkeypatch):
        yield


async def test_documented_runtime_answers_a_run(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page shows is whole: the worker finds it, gives it the key, takes its answer."""
    monkeypatch.setenv("ACME_API_KEY", "a key")
    async with stack.worker():
        await stack.declare(stack.name("parrot"), **AGENT, input={"word": "hello"})
        result = await stack.run(stack.name("parrot"), stack.name("parrot-1"))
    assert result.status is RunStatus.SUCCEEDED
    assert (result.runtime, result.usage.cost_micros) == ("acme", 0)
    assert "hello" in result.output


async def test_documented_runtime_without_its_key_is_blocked(stack: Stack) -> None:
    """Its secret is looked for before a run costs anything, as of a built-in one."""
    async with stack.worker():
        await stack.declare(stack.name("parrot"), **AGENT)
        ending = await ending_of(await stack.start(stack.name("parrot"), stack.name("parrot-1")))
    assert ending.result.status is RunStatus.BLOCKED
    assert "ACME_API_KEY" in ending.message


async def test_documented_runtime_can_be_looked_at(stack: Stack) -> None:
    """It answers the doctor."""
    kind = runtime_kind("acme")
    runtime = stack.runtimes.model("acme")
    assert isinstance(runtime, Probing)
    assert (await runtime.probe(kind.settings.model_validate(AGENT["runtime"]))).ok
