"""An n8n workflow is started once, found again by its key, watched, read and stopped."""

from typing import Any

import pytest
from pydantic import ValidationError

from activities.runtimes.n8n import N8nRuntime
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.n8n import KIND, N8nSettings
from rota.runtimes.session import Observation, ProviderSession, SessionState
from tests.activities.runtimes.session_requests import KEY, Reports, session_request
from tests.contract.bench import Tokens
from tests.contract.n8n_bench import N8nBench
from tests.fakes.job_script import Refusal, Work

C = FailureCategory


async def watched(
    runtime: N8nRuntime, block: dict[str, Any], reports: Reports | None = None
) -> tuple[ProviderSession, Observation]:
    """Start, and watch to the first stop."""
    request = session_request(block)
    session = await runtime.submit(request)
    return session, await runtime.observe(session, request, "", reports or Reports())


async def test_workflow_is_started_watched_and_read(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """One call starts it, its id is known at once, and the last node has the result."""
    n8n_bench.answer("three boxes", Tokens(input=7, output=3), seconds=0.1)
    reports = Reports()
    session, seen = await watched(n8n_runtime, n8n_bench.settings(), reports)
    assert session.id == "1000"
    assert session.url == f"{n8n_bench.server.url}/workflow/wf1/executions/1000"
    assert seen.state is SessionState.ENDED
    assert "execution 1000: running" in reports.texts
    end = await n8n_runtime.collect(session, session_request(n8n_bench.settings()), seen.cursor)
    assert end.message.text == "three boxes"
    assert end.links == {"execution": session.url}
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (7, 3)
    assert end.usage.cost_micros is None
    _, _, headers, body = n8n_bench.server.script.requests[0]
    assert headers["x-rota-key"] == body["rota_key"] == KEY
    assert (body["task"], body["input"]) == ("Count the boxes.", {"account": "A"})
    assert n8n_bench.starts == 1


async def test_result_is_read_from_the_declared_node(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """Not the last node but the one that is named has the result."""
    n8n_bench.answer("x")
    block = n8n_bench.settings(node="Log", answer={"result": "logged"})
    session, seen = await watched(n8n_runtime, block)
    end = await n8n_runtime.collect(session, session_request(block), seen.cursor)
    assert end.message.text == "true"


async def test_not_found_that_the_workflow_answers_is_not_tried_again(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """It has run until then: only a webhook that n8n does not know is worth waiting for."""
    n8n_bench.server.script.add(Refusal(404, "no such order", {}))
    with pytest.raises(StepError, match="no such order") as caught:
        await n8n_runtime.submit(session_request(n8n_bench.settings()))
    assert caught.value.category is C.INVALID_REQUEST


async def test_execution_is_looked_for_where_the_webhook_does_not_tell(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """A workflow that answers at once, without an id, is watched all the same."""
    n8n_bench.server.answers = "started"
    n8n_bench.answer("three boxes", seconds=0.1)
    session, seen = await watched(n8n_runtime, n8n_bench.settings())
    end = await n8n_runtime.collect(session, session_request(n8n_bench.settings()), seen.cursor)
    assert end.message.text == "three boxes"
    assert (
        await n8n_runtime.cancel(session, n8n_bench.settings())
    ).text == "execution 1000 is success"


async def test_wait_for_a_person_is_told_with_its_place(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """A Wait node that waits for a form or a call waits for somebody."""
    n8n_bench.server.script.add(Work("approved", waits=True))
    request = session_request(n8n_bench.settings())
    session, seen = await watched(n8n_runtime, n8n_bench.settings())
    assert (seen.state, seen.waiting) == (SessionState.PERSON, "n8n waits at 'Approve'")
    n8n_bench.server.script.jobs[0].resumed = True
    seen = await n8n_runtime.observe(session, request, seen.cursor, Reports())
    assert seen.state is SessionState.ENDED


async def test_wait_for_time_is_work(n8n_runtime: N8nRuntime, n8n_bench: N8nBench) -> None:
    """A Wait node that waits for time needs nobody."""
    n8n_bench.server.wait_node = {"amount": 1, "unit": "hours"}
    job_reports = Reports()

    class Resuming(Reports):
        def __call__(self, cursor: str, text: str) -> None:
            job_reports(cursor, text)
            n8n_bench.server.script.jobs[0].resumed = True

    n8n_bench.server.script.add(Work("on", waits=True))
    _, seen = await watched(n8n_runtime, n8n_bench.settings(), Resuming())
    assert seen.state is SessionState.ENDED
    assert job_reports.texts[0] == "execution 1000: waiting"


async def test_workflow_that_failed_says_where_and_why(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """The node and its error come out; the step is not tried again."""
    n8n_bench.fail(C.TOOL_FAILED)
    session, seen = await watched(n8n_runtime, n8n_bench.settings())
    with pytest.raises(StepError, match="ended as error at 'Count': it went wrong") as caught:
        await n8n_runtime.collect(session, session_request(n8n_bench.settings()), seen.cursor)
    assert caught.value.category is C.TOOL_FAILED


async def test_cancel_is_confirmed_and_repeatable(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """The execution is canceled, and a second cancel changes nothing."""
    n8n_bench.hang()
    request = session_request(n8n_bench.settings())
    session = await n8n_runtime.submit(request)
    for _ in range(2):
        stopped = await n8n_runtime.cancel(session, request.settings)
        assert (stopped.confirmed, stopped.text) == (True, "execution 1000 is canceled")
    assert n8n_bench.stops == 1
    with pytest.raises(StepError, match="ended as canceled"):
        await n8n_runtime.collect(session, request, "")
    n8n_bench.lose()
    assert (await n8n_runtime.cancel(session, request.settings)).confirmed


async def test_execution_that_is_gone_is_of_unknown_outcome(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """A pruned execution is not started anew."""
    n8n_bench.hang()
    request = session_request(n8n_bench.settings())
    session = await n8n_runtime.submit(request)
    n8n_bench.lose()
    with pytest.raises(StepError, match="does not know execution 1000") as caught:
        await n8n_runtime.observe(session, request, "", Reports())
    assert caught.value.category is C.OUTCOME_UNKNOWN


async def test_webhook_that_is_being_activated_is_tried_again(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """The moment between activation and registration passes, and nothing was started."""
    n8n_bench.server.unregistered = 1
    n8n_bench.answer("x")
    request = session_request(n8n_bench.settings())
    with pytest.raises(StepError, match="activate") as caught:
        await n8n_runtime.submit(request)
    assert (caught.value.category, caught.value.maybe_billed) == (C.TRANSIENT, False)
    assert (await n8n_runtime.submit(request)).id == "1000"


async def test_look_that_fails_passes(n8n_runtime: N8nRuntime, n8n_bench: N8nBench) -> None:
    """An instance that restarts is looked at again."""
    n8n_bench.answer("x")
    n8n_bench.server.script.looks.extend([Refusal(503), Refusal(502)])
    _, seen = await watched(n8n_runtime, n8n_bench.settings())
    assert seen.state is SessionState.ENDED


async def test_data_that_are_not_there_fail_by_name(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """Unsaved, redacted or other data are named with what mends it."""
    n8n_bench.answer("x")
    session, seen = await watched(n8n_runtime, n8n_bench.settings())
    request = session_request(n8n_bench.settings(node="Nope"))
    with pytest.raises(StepError, match=r"'Nope' \(runtime\.node\); executed: Webhook, Count"):
        await n8n_runtime.collect(session, request, seen.cursor)
    n8n_bench.server.redacts = True
    with pytest.raises(StepError, match="execution:reveal"):
        await n8n_runtime.collect(session, session_request(n8n_bench.settings()), seen.cursor)
    n8n_bench.server.saves_data = False
    with pytest.raises(StepError, match="were not saved"):
        await n8n_runtime.collect(session, session_request(n8n_bench.settings()), seen.cursor)


async def test_wrong_api_key_names_the_setting(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is the key or a scope; the key is not shown."""
    monkeypatch.setenv("ROTA_TEST_N8N_KEY", "another-key")
    with pytest.raises(StepError, match=r"runtime\.api_key") as caught:
        await n8n_runtime.find(session_request(n8n_bench.settings()))
    assert caught.value.category is C.AUTH
    assert "another-key" not in str(caught.value)
    found = await n8n_runtime.probe(N8nSettings.model_validate(n8n_bench.settings()))
    assert not found.ok


async def test_without_a_key_the_webhook_answers_with_the_result(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """An instance that nobody may look into still runs workflows that answer themselves."""
    n8n_bench.server.answers = "result"
    n8n_bench.answer("three boxes", seconds=0.05)
    block = n8n_bench.settings(api_key=None)
    session, seen = await watched(n8n_runtime, block)
    assert seen.final is not None
    assert seen.final.message.text == "three boxes"
    assert (await n8n_runtime.cancel(session, block)).text == "the webhook has answered"
    stranger = N8nRuntime(Secrets())
    assert not (await stranger.cancel(session, block)).confirmed
    n8n_bench.fail(C.TOOL_FAILED)
    with pytest.raises(StepError, match="the workflow failed") as caught:
        await watched(n8n_runtime, block)
    assert caught.value.category is C.TOOL_FAILED
    assert caught.value.maybe_billed


async def test_probe_lists_with_the_key_and_starts_nothing(
    n8n_runtime: N8nRuntime, n8n_bench: N8nBench
) -> None:
    """The doctor checks the key, or the instance alone where there is none."""
    for more in ({}, {"api_key": None}):
        found = await n8n_runtime.probe(N8nSettings.model_validate(n8n_bench.settings(**more)))
        assert found.ok
    assert n8n_bench.starts == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"webhook": "https://n8n.example.com/webhook-test/x"}, "Production URL"),
        ({"webhook": "https://n8n.example.com/hooks/x"}, "base_url"),
        ({"webhook": "https://n8n.example.com/webhook/{input.x}"}, "templates go into 'body'"),
        ({"body": {"x": "{secret.a}"}}, "no 'secret' here"),
        ({"api_key": "n8n_api_1234"}, "never the secret itself"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], words: str) -> None:
    """Each mistake is named before anything runs."""
    block = {"kind": "n8n", "webhook": "https://n8n.example.com/webhook/x"} | wrong
    with pytest.raises(ValidationError) as caught:
        N8nSettings.model_validate(block)
    assert words in str(caught.value)


def test_promises_follow_from_the_key() -> None:
    """Without an API key nothing is watched or stopped, and none of it is claimed."""
    block = {"webhook": "https://n8n.example.com/webhook/x"}
    bare = KIND.promises(N8nSettings.model_validate(block))
    keyed = KIND.promises(N8nSettings.model_validate(block | {"api_key": "env:K"}))
    assert not any((bare.reattach, bare.cancel, bare.persons))
    assert all((keyed.find, keyed.reattach, keyed.confirm_cancel, keyed.persons))
