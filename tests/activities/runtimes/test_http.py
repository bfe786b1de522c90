"""A declared service is started once, watched, read and stopped as its block says."""

import asyncio
from typing import Any

import pytest

from activities.runtimes.http import HttpRuntime
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.runtimes.session import Observation, SessionState
from tests.activities.runtimes.session_requests import KEY, Reports, session_request
from tests.contract.bench import Tokens
from tests.contract.http_bench import HttpBench, HttpSyncBench
from tests.fakes.http_job_server import TOKEN
from tests.fakes.job_script import Refusal, Work

C = FailureCategory


async def seen(runtime: HttpRuntime, block: dict[str, Any], reports: Any = None) -> Observation:
    """Start, and watch to the first stop."""
    request = session_request(block)
    session = await runtime.submit(request)
    return await runtime.observe(session, request, "", reports or Reports())


async def test_sync_answer_comes_with_the_call(http_runtime: HttpRuntime) -> None:
    """The start names the session; the watching makes the one call and has the answer."""
    async with HttpSyncBench() as bench:
        bench.answer("three boxes", Tokens(input=7, output=3))
        request = session_request(bench.settings())
        session = await http_runtime.submit(request)
        assert bench.starts == 0
        found = await http_runtime.observe(session, request, "", Reports())
        assert found.final is not None
        assert (found.final.message.text, found.final.model) == ("three boxes", "service-1")
        assert found.final.usage is not None
        assert found.final.usage.cost_micros == 7 * 2 + 3 * 10
        _, _, headers, body = bench.server.script.requests[0]
        assert headers["idempotency-key"] == KEY
        assert (body["task"], body["input"]) == ("Count the boxes.", {"account": "A"})
        assert (
            await http_runtime.cancel(session, request.settings)
        ).text == "the service has answered"
        stranger = HttpRuntime(Secrets())
        assert not (await stranger.cancel(session, request.settings)).confirmed


async def test_sync_answer_that_breaks_off_may_have_cost(http_runtime: HttpRuntime) -> None:
    """Half an answer is no answer, and the work may have been done."""
    async with HttpSyncBench() as bench:
        bench.cut()
        with pytest.raises(StepError) as caught:
            await seen(http_runtime, bench.settings())
        assert (caught.value.category, caught.value.maybe_billed) == (C.TRANSIENT, True)


async def test_poll_watches_to_the_end_and_collects(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A job is started, watched with its progress, and read, twice alike."""
    http_bench.trickle("three boxes", pause=0.05, pieces=3)
    reports = Reports()
    request = session_request(http_bench.settings())
    session = await http_runtime.submit(request)
    assert session.id == "job-1"
    found = await http_runtime.observe(session, request, "", reports)
    assert found.state is SessionState.ENDED
    assert len(set(reports.texts)) >= 2
    first = await http_runtime.collect(session, request, found.cursor)
    assert first.message.text == "three boxes"
    assert first == await http_runtime.collect(session, request, found.cursor)
    assert http_bench.starts == 1


async def test_poll_look_that_finds_the_end_has_the_answer(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """The service is asked once how far it is, and not a second time for what it said then."""
    http_bench.answer("three boxes")
    found = await seen(http_runtime, http_bench.settings())
    assert found.final is not None
    assert found.final.message.text == "three boxes"
    methods = [method for method, *_ in http_bench.server.script.requests]
    assert methods == ["POST", "GET"]


async def test_poll_end_without_a_usable_answer_is_told_by_collect(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A look says that the work has ended, also if its answer is not where it was declared."""
    http_bench.answer("three boxes")
    block = http_bench.settings(answer={"result": "elsewhere"})
    found = await seen(http_runtime, block)
    assert (found.state, found.final) == (SessionState.ENDED, None)
    request = session_request(block)
    session = await http_runtime.submit(request)
    with pytest.raises(StepError, match="nothing at 'elsewhere'"):
        await http_runtime.collect(session, request, found.cursor)


async def test_poll_reads_the_answer_where_it_is_declared(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """`result` is asked in the end, with what was kept of the start."""
    http_bench.answer("three boxes")
    url = f"{http_bench.server.url}/jobs/{{session.name}}/answer"
    block = http_bench.settings(keep={"name": "id"}, result={"url": url}, answer={"result": "text"})
    request = session_request(block)
    session = await http_runtime.submit(request)
    await http_runtime.observe(session, request, "", Reports())
    assert (await http_runtime.collect(session, request, "")).message.text == "three boxes"


async def test_poll_second_start_carries_the_same_key(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A start that is repeated is one job at a service that keeps its promise."""
    http_bench.answer("once")
    request = session_request(http_bench.settings())
    assert await http_runtime.submit(request) == await http_runtime.submit(request)
    assert http_bench.starts == 1


async def test_poll_work_that_failed_says_why(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """The service's own words come out, as a failure that is not tried again."""
    http_bench.fail(C.TOOL_FAILED)
    request = session_request(http_bench.settings())
    session = await http_runtime.submit(request)
    found = await http_runtime.observe(session, request, "", Reports())
    with pytest.raises(StepError, match="failed: it went wrong") as caught:
        await http_runtime.collect(session, request, found.cursor)
    assert caught.value.category is C.TOOL_FAILED


async def test_poll_wait_for_a_person_is_told_and_ends(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """Waiting for a person is no work; that it goes on shows as another cursor."""
    http_bench.server.script.add(Work("approved", waits=True, seconds=0.2))
    reports = Reports()
    request = session_request(http_bench.settings())
    session = await http_runtime.submit(request)
    found = await http_runtime.observe(session, request, "", reports)
    assert (found.state, found.waiting.endswith(": waiting")) == (SessionState.PERSON, True)
    job = http_bench.server.script.jobs[0]
    job.resumed, job.begun = True, asyncio.get_running_loop().time()
    found = await http_runtime.observe(session, request, found.cursor, reports)
    assert found.state is SessionState.ENDED
    assert reports.cursors[-1] != "waiting"


async def test_poll_work_that_is_gone_is_of_unknown_outcome(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A service that forgot its job is not asked to begin anew."""
    http_bench.hang()
    request = session_request(http_bench.settings())
    session = await http_runtime.submit(request)
    http_bench.lose()
    with pytest.raises(StepError, match="no longer knows job-1") as caught:
        await http_runtime.observe(session, request, "", Reports())
    assert caught.value.category is C.OUTCOME_UNKNOWN


async def test_cancel_is_confirmed_by_looking(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """Asked to stop, the service is looked at until it has; a second time does no harm."""
    http_bench.hang()
    request = session_request(http_bench.settings())
    session = await http_runtime.submit(request)
    for _ in range(2):
        stopped = await http_runtime.cancel(session, request.settings)
        assert (stopped.confirmed, stopped.text) == (True, "the service says: stopped")
    http_bench.lose()
    assert (await http_runtime.cancel(session, request.settings)).confirmed


async def test_cancel_without_a_way_is_not_confirmed(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """What was not declared is not claimed."""
    http_bench.hang()
    request = session_request(http_bench.settings(cancel=None))
    session = await http_runtime.submit(request)
    stopped = await http_runtime.cancel(session, request.settings)
    assert not stopped.confirmed
    assert "runtime.cancel" in stopped.text


@pytest.mark.parametrize(
    ("status", "category", "maybe_billed"),
    [
        (401, C.AUTH, False),
        (402, C.QUOTA, False),
        (422, C.INVALID_REQUEST, False),
        (302, C.INVALID_REQUEST, False),
        (429, C.RATE_LIMITED, False),
        (500, C.TRANSIENT, True),
        (503, C.OVERLOADED, False),
        (504, C.TIMEOUT, True),
    ],
)
async def test_submit_refused_is_classified(
    http_runtime: HttpRuntime,
    http_bench: HttpBench,
    status: int,
    category: FailureCategory,
    maybe_billed: bool,
) -> None:
    """Each status has its category; the message names who refused and shows no secret."""
    location = {"location": f"{http_bench.server.url}/elsewhere"} if status == 302 else {}
    http_bench.server.script.add(Refusal(status, f"not with {TOKEN}", location))
    with pytest.raises(StepError) as caught:
        await http_runtime.submit(session_request(http_bench.settings()))
    assert (caught.value.category, caught.value.maybe_billed) == (category, maybe_billed)
    assert TOKEN not in str(caught.value)
    assert http_bench.server.url in str(caught.value)
    assert len(http_bench.server.script.requests) == 1


async def test_poll_look_that_fails_passes(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A service that is overloaded, or slow to think, is looked at again."""
    http_bench.answer("done")
    http_bench.server.script.looks.extend([Refusal(503), Refusal(500)])
    assert (await seen(http_runtime, http_bench.settings())).state is SessionState.ENDED
    assert len(http_bench.server.script.requests) == 1 + 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"state": "state", "running": ["busy"]}, "in a state that is in no list, 'running'"),
        ({"state": "status"}, "no state at 'status'"),
    ],
)
async def test_poll_answer_of_another_shape_fails_by_name(
    http_runtime: HttpRuntime, http_bench: HttpBench, answer: dict[str, Any], words: str
) -> None:
    """A state that is missing or unknown is named, not taken for work that goes on."""
    http_bench.hang()
    with pytest.raises(StepError, match=words) as caught:
        await seen(
            http_runtime, http_bench.settings(status={**http_bench.settings()["status"], **answer})
        )
    assert caught.value.category is C.OUTCOME_INVALID


async def test_submit_answer_without_the_id_may_have_cost(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """A job whose id nobody can read was begun all the same; the setting is named."""
    http_bench.answer("x")
    with pytest.raises(StepError, match=r"no usable 'job\.number' \(runtime\.id\)") as caught:
        await http_runtime.submit(session_request(http_bench.settings(id="job.number")))
    assert (caught.value.category, caught.value.maybe_billed) == (C.OUTCOME_INVALID, True)


async def test_answer_beyond_the_limit_is_not_taken(http_runtime: HttpRuntime) -> None:
    """An answer without end does not fill the worker's memory."""
    async with HttpSyncBench() as bench:
        bench.answer("x" * 5000)
        with pytest.raises(StepError, match="bytes") as caught:
            await seen(http_runtime, bench.settings(max_bytes=1024))
        assert caught.value.category is C.OUTCOME_INVALID


async def test_probe_asks_the_host_without_credentials(
    http_runtime: HttpRuntime, http_bench: HttpBench
) -> None:
    """The doctor sees whether somebody is there; no job is begun."""
    settings = http_bench.kind.settings
    found = await http_runtime.probe(settings.model_validate(http_bench.settings()))
    assert found.ok
    assert "authorization" not in http_bench.server.script.requests[0][2]
    nobody = http_bench.settings(start={"url": "http://127.0.0.1:1/jobs"})
    assert not (await http_runtime.probe(settings.model_validate(nobody))).ok
    assert http_bench.starts == 0
