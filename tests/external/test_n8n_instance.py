"""Rota's n8n kind on a real n8n: started, watched, found, answered by a person, stopped."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from activities.runtimes.n8n import N8nRuntime
from rota.failures import FailureCategory, StepError
from rota.runs import RunStatus
from rota.runtime_specs.n8n import N8nSettings
from rota.runtimes.session import Observation, ProviderSession, SessionState
from tests.activities.runtimes.session_requests import Reports, session_request
from tests.external.n8n_instance import N8n, node, respond, result, webhook
from tests.stack import Stack

C = FailureCategory
# The first of them waits until n8n has set up its database.
pytestmark = pytest.mark.timeout(400)

WORDS = "boxes of {{ $('Webhook').item.json.body.input.account }}"


@pytest.fixture
async def runtime(n8n: N8n) -> AsyncIterator[N8nRuntime]:
    """A runtime whose every secret is the instance's API key."""
    made = N8nRuntime(lambda reference: n8n.key)
    yield made
    await made.aclose()


def settings(n8n: N8n, path: str, workflow: str | None, **more: Any) -> dict[str, Any]:
    """The `runtime` block for one workflow."""
    return {
        "kind": "n8n",
        "webhook": f"{n8n.url}/webhook/{path}",
        "api_key": "env:ROTA_TEST_N8N_KEY",
        "workflow": workflow,
        "answer": {
            "result": "text",
            "input_tokens": "tokenUsage.promptTokens",
            "output_tokens": "tokenUsage.completionTokens",
        },
        "poll": "100ms",
        **more,
    }


async def watched(
    runtime: N8nRuntime, block: dict[str, Any]
) -> tuple[ProviderSession, Observation]:
    """Start, and watch to the first stop."""
    request = session_request(block)
    session = await runtime.submit(request)
    return session, await runtime.observe(session, request, "", Reports())


async def test_external_n8n_run_has_the_last_nodes_result(
    stack: Stack, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run: the task arrives, the result and its tokens come back."""
    monkeypatch.setenv("ROTA_TEST_N8N_KEY", n8n.key)
    id = n8n.workflow("count", webhook("count"), respond(), result(WORDS))
    async with stack.worker():
        name = stack.name("count")
        await stack.declare(name, runtime=settings(n8n, "count", id), input={"account": "A"})
        ended = await stack.run(name, f"{name}-1")
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, "boxes of A")
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (7, 3)


async def test_external_n8n_cancelled_run_stops_its_execution(
    stack: Stack, n8n: N8n, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends as stopped, and n8n says so too."""
    monkeypatch.setenv("ROTA_TEST_N8N_KEY", n8n.key)
    wait = node("Wait", "wait", 1.1, resume="timeInterval", amount=50, unit="seconds")
    id = n8n.workflow("long", webhook("long"), respond(), wait, result(WORDS))
    async with stack.worker():
        name = stack.name("long")
        await stack.declare(name, runtime=settings(n8n, "long", id))
        handle = await stack.start(name, f"{name}-1")
        await n8n.until(lambda: n8n.statuses(id) == ["running"])
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert n8n.statuses(id) == ["canceled"]


@pytest.mark.parametrize("state", ["running", "waiting", "success"])
async def test_external_n8n_start_whose_answer_was_lost_is_found(
    runtime: N8nRuntime, n8n: N8n, state: str
) -> None:
    """By the key in its data, in whatever list it stands; and stopped if it goes on."""
    seconds = {"running": 50, "waiting": 600, "success": 0}[state]
    wait = node("Wait", "wait", 1.1, resume="timeInterval", amount=seconds, unit="seconds")
    path = f"lost-{state}"
    id = n8n.workflow(path, webhook(path), respond(), wait, result(WORDS))
    request = session_request(settings(n8n, path, id))
    assert await runtime.find(request) is None
    lost = n8n.call(path, request.key)["executionId"]
    await n8n.until(lambda: n8n.execution(lost)["status"] == state)
    found = await runtime.find(request)
    assert found is not None
    assert found.id == lost
    assert (await runtime.cancel(found, request.settings)).confirmed
    ended = "success" if state == "success" else "canceled"
    assert n8n.execution(lost)["status"] == ended


async def test_external_n8n_wait_for_a_person_is_told_until_it_is_over(
    runtime: N8nRuntime, n8n: N8n
) -> None:
    """A Wait node on webhook stands still; after its link was followed the work goes on."""
    link = result("", "Link", link="{{ $execution.resumeUrl }}")
    wait = node("Approve", "wait", 1.1, resume="webhook", options={})
    nodes = (webhook("approve"), respond(), link, {**wait, "webhookId": "approve-wait"})
    id = n8n.workflow("approve", *nodes, result("approved"))
    block = settings(n8n, "approve", id)
    session, seen = await watched(runtime, block)
    assert (seen.state, seen.waiting) == (SessionState.PERSON, "n8n waits at 'Approve'")
    n8n.resume(session.id)
    request = session_request(block)
    async with asyncio.timeout(30):
        while seen.state is not SessionState.ENDED:
            seen = await runtime.observe(session, request, seen.cursor, Reports())
    end = await runtime.collect(session, request, seen.cursor)
    assert end.message.text == "approved"


async def test_external_n8n_failed_node_is_named(runtime: N8nRuntime, n8n: N8n) -> None:
    """With n8n's own message."""
    stop = node("Stop", "stopAndError", 1, errorMessage="no boxes today")
    id = n8n.workflow("fail", webhook("fail"), respond(), stop)
    block = settings(n8n, "fail", id)
    session, seen = await watched(runtime, block)
    with pytest.raises(StepError, match="at 'Stop': no boxes today") as caught:
        await runtime.collect(session, session_request(block), seen.cursor)
    assert caught.value.category is C.TOOL_FAILED


async def test_external_n8n_webhook_alone_answers_with_the_result(
    runtime: N8nRuntime, n8n: N8n
) -> None:
    """Without an API key; and a workflow that fails there is told as that."""
    n8n.workflow("sync", webhook("sync", "lastNode"), result(WORDS))
    stop = node("Stop", "stopAndError", 1, errorMessage="no boxes today")
    n8n.workflow("sync-fail", webhook("sync-fail", "lastNode"), stop)
    _, seen = await watched(runtime, settings(n8n, "sync", None, api_key=None))
    assert seen.final is not None
    assert seen.final.message.text == "boxes of A"
    with pytest.raises(StepError) as caught:
        await watched(runtime, settings(n8n, "sync-fail", None, api_key=None))
    assert caught.value.category is C.TOOL_FAILED


async def test_external_n8n_wrong_address_and_key_are_told(runtime: N8nRuntime, n8n: N8n) -> None:
    """An unknown webhook starts nothing; a wrong key is one before anything is started."""
    block = settings(n8n, "no-such-path", None)
    with pytest.raises(StepError, match="not registered") as caught:
        await runtime.submit(session_request(block))
    assert (caught.value.category, caught.value.maybe_billed) == (C.TRANSIENT, False)
    declared = N8nSettings.model_validate(block)
    assert (await runtime.probe(declared)).ok
    stranger = N8nRuntime(lambda reference: "not-a-key")
    refused = await stranger.probe(declared)
    await stranger.aclose()
    assert not refused.ok
    assert "401" in refused.found
