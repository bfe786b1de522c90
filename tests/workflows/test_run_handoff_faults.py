"""A store that stumbles around a call of another agent: one run, and its result, all the same."""

import pytest

from activities import safekeeping
from rota.runs import RunStatus
from tests.stack import Stack, script
from tests.workflows.claude import QUICK_RETRY, events_of, kinds_of
from tests.workflows.failing_store import FailingStore
from tests.workflows.handing import declare_caller


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safekeeping, "DELAYS_SECONDS", (0.0,) * 4)


@pytest.mark.parametrize(
    ("verb", "where", "times", "after"),
    [
        ("get_ref", b"handoffs/", 2, False),
        ("set_ref", b"handoffs/", 2, False),
        ("set_ref", b"handoffs/", 1, True),
        ("set_ref", b"results/", 7, False),
        ("set_ref", b"results/", 7, True),
    ],
)
async def test_handoff_outlasts_a_store_that_stumbles(
    stack: Stack, verb: str, where: bytes, times: int, after: bool
) -> None:
    """Also if what failed had reached the store: looked at again, the call is the same."""
    stack.store = store = FailingStore(stack.store, verb, where, times=times, after=after)
    caller, called = stack.name("caller"), stack.name("called")
    async with stack.worker():
        await stack.declare(called, runtime=script({"result": "done"}))
        await declare_caller(stack, caller, called, retry=QUICK_RETRY)
        handle = await stack.start(caller, f"{caller}-1")
        result = await handle.result()
        children = kinds_of(await events_of(handle)).count("CHILD_WORKFLOW_EXECUTION_STARTED")
    assert (result.status, result.output, children) == (RunStatus.SUCCEEDED, "done", 1)
    assert store.failed == times
