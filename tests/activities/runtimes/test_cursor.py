"""A Cursor cloud agent from its start to its result, against a strict fake."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities.runtimes.cursor import CursorRuntime, agent_id
from rota.conversation import StopReason
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.cursor import KIND, CursorSettings
from rota.runtimes.session import SessionState
from tests.activities.runtimes.cursor_driver import Bench, cursor_bench
from tests.fakes.cursor_jobs import Fault, Job
from tests.fakes.cursor_server import AGENT_ID

C = FailureCategory
BRANCHES = (
    {"repoUrl": "https://github.com/acme/books", "branch": "cursor/fix", "prUrl": "https://pr/7"},
    {"repoUrl": "https://github.com/acme/site", "branch": "cursor/site", "prUrl": None},
)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Agents that play a script."""
    async with cursor_bench() as bench:
        yield bench


async def test_agent_is_collected_with_links_usage_and_late_cost(bench: Bench):
    """Text, branches and pull request come out, and the cost as charged, waited for."""
    bench.fake.add(Job("Mended.", branches=BRANCHES, input=1000, output=33, cost_reads=3))
    request = bench.request()
    session = await bench.runtime.submit(request)
    seen = await bench.watch(session, request)
    assert seen.state is SessionState.ENDED
    collected = await bench.runtime.collect(session, request, seen.cursor)
    assert (collected.message.text, collected.stop) == ("Mended.", StopReason.END_TURN)
    assert collected.links == {
        "branch": "cursor/fix",
        "pull_request": "https://pr/7",
        "branch_2": "cursor/site",
    }
    assert collected.usage is not None
    assert (collected.usage.input_tokens, collected.usage.output_tokens) == (1000, 33)
    # 1000 tokens at 0.03 cents and 33 at 0.15 cents are 34.95 cents.
    assert collected.usage.cost_micros == 349_500


async def test_cost_that_never_comes_leaves_the_run_unpriced(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    """A result is not lost for want of its price, and is not shown as free."""
    bench.fake.add(Job("Mended.", cost_reads=1_000_000))
    request = bench.request()
    session = await bench.runtime.submit(request)
    await bench.watch(session, request)
    collected = await bench.runtime.collect(session, request, "")
    assert collected.usage is not None
    assert (collected.usage.input_tokens, collected.usage.cost_micros) == (100, None)
    assert "unpriced" in caplog.text


async def test_start_says_what_was_declared(bench: Bench):
    """Repository, branch, model and wishes arrive in the API's words."""
    bench.fake.add(Job("Mended."))
    request = bench.request(
        settings={"model": "composer-2.5", "auto_pull_request": True, "mode": "plan"}
    )
    session = await bench.runtime.submit(request)
    assert AGENT_ID.fullmatch(session.id)
    assert session.url == f"https://cursor.com/agents/{session.id}"
    assert bench.fake.agents[session.id].body == {
        "agentId": agent_id(request.key),
        "name": "books books/1",
        "prompt": {"text": "Mend it.\n\nThe build is broken."},
        "mode": "plan",
        "autoCreatePR": True,
        "workOnCurrentBranch": False,
        "model": {"id": "composer-2.5"},
        "repos": [{"url": "https://github.com/acme/books", "startingRef": "main"}],
    }


@pytest.mark.parametrize(
    ("job", "category", "words"),
    [
        (Job(status="ERROR", error="the build broke"), C.TOOL_FAILED, "the build broke"),
        (Job(status="ERROR"), C.TOOL_FAILED, "does not say why"),
        (Job(status="EXPIRED"), C.OUTCOME_UNKNOWN, "expired"),
        (Job(status="CANCELLED"), C.OUTCOME_UNKNOWN, "cancelled by somebody"),
        (Job(status="DREAMING"), C.OUTCOME_INVALID, "DREAMING"),
    ],
)
async def test_run_that_ends_otherwise_fails_by_its_status(
    bench: Bench, job: Job, category: C, words: str
):
    """No end but FINISHED can be a success."""
    bench.fake.add(job)
    request = bench.request()
    session = await bench.runtime.submit(request)
    with pytest.raises(StepError, match=words) as caught:
        await bench.watch(session, request)
    assert caught.value.category is category


async def test_end_without_a_word_is_no_result(bench: Bench):
    """A finished run without a text cannot be a success."""
    bench.fake.add(Job(" "))
    request = bench.request()
    session = await bench.runtime.submit(request)
    await bench.watch(session, request)
    with pytest.raises(StepError, match="without a word") as caught:
        await bench.runtime.collect(session, request, "")
    assert caught.value.category is C.OUTCOME_INVALID


async def test_agent_that_is_not_there_is_of_unknown_outcome(bench: Bench):
    """An agent that was deleted is never begun anew."""
    bench.fake.add(Job(hang=True))
    request = bench.request()
    session = await bench.runtime.submit(request)
    bench.fake.lose()
    with pytest.raises(StepError, match="is gone") as caught:
        await bench.watch(session, request)
    assert caught.value.category is C.OUTCOME_UNKNOWN
    stopped = await bench.runtime.cancel(session, request.settings)
    assert (stopped.confirmed, stopped.text) == (True, "it is not there")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(503, "unavailable"),
        Fault(429, "rate_limited", headers={"retry-after": "0.01"}),
        Fault(works=True),
        Fault(body=b"<html>"),
    ],
)
async def test_look_that_fails_for_now_is_outlived(bench: Bench, fault: Fault):
    """The provider's trouble with one request says nothing about the agent."""
    bench.fake.add(Job("Mended.", seconds=0.05))
    request = bench.request()
    session = await bench.runtime.submit(request)
    bench.fake.fail(fault)
    bench.fake.fail(fault)
    assert (await bench.watch(session, request)).message.text == "Mended."


async def test_progress_is_a_change_of_status(bench: Bench):
    """An agent at work is reported once for each status, not for each look."""
    bench.fake.add(Job("Mended.", hang=True))
    request = bench.request()
    session = await bench.runtime.submit(request)
    watch = asyncio.create_task(bench.watch(session, request))
    await bench.progress.wait()
    bench.fake.release()
    await watch
    assert len(bench.reports) == len(set(bench.reports)) <= 2


async def test_changed_shape_fails_by_the_fields_name(bench: Bench):
    """A field that is not what it was is named."""
    bench.fake.fail(Fault(body=b'{"agent": {"id": "bc-1"}, "run": {"identity": 1}}'))
    with pytest.raises(StepError, match=r"Cursor.*run\.id") as caught:
        await bench.runtime.submit(bench.request())
    assert caught.value.category is C.OUTCOME_INVALID


async def test_wrong_key_is_redacted_and_says_what_to_check(bench: Bench):
    """A refused key travels neither plain nor encoded."""
    bench.fake.fail(Fault(401, "unauthorized: crsr_secret Y3Jzcl9zZWNyZXQ6"))
    runtime = CursorRuntime(lambda reference: "crsr_secret")
    with pytest.raises(StepError, match=r"runtime\.api_key") as caught:
        await runtime.submit(bench.request())
    await runtime.aclose()
    assert caught.value.category is C.AUTH
    assert "crsr_secret" not in str(caught.value)
    assert "Y3Jzcl9zZWNyZXQ6" not in str(caught.value)


async def test_probe_asks_whose_key_it_is(bench: Bench):
    """A key is looked at without beginning an agent."""
    settings = CursorSettings.model_validate(bench.request().settings)
    probe = await bench.runtime.probe(settings)
    assert (probe.ok, probe.found) == (True, "key nightly of team@example.com")
    bench.fake.fail(Fault(401, "unauthorized"))
    probe = await bench.runtime.probe(settings)
    assert not probe.ok
    assert "runtime.api_key" in probe.cure
    assert not bench.fake.begun


def test_capabilities_say_what_remains():
    """The kind promises what the tests above show, and names the window it cannot close."""
    promised = KIND.capabilities
    assert (promised.idempotent_start, promised.stream, promised.tools) == (True, False, False)
    assert "person's own message" in promised.remains
