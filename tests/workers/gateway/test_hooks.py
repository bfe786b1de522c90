"""Somebody posts, and a run is there: once, for those who hold the secret, if it is taken."""

import asyncio
import time
from dataclasses import replace

import pytest
from temporalio.client import Client

from rota.hooks.spec import Scheme
from rota.runs import AgentRunResult, RunStatus, Trigger
from tests.deliveries import Posted, now_signed, standard
from tests.pipelines import declare_pipeline
from tests.stack import Stack, script
from tests.workers.gateway.gateways import served
from tests.workers.gateway.hook_doors import gateway_with, hook_door, post, topic_door
from tests.workers.gateway.wire import wire_to
from tests.workflows.gates import poll
from workers.plugin import RotaPlugin

ECHO = script({"result": "done"})


async def test_delivery_starts_one_run_however_often_it_comes(stack: Stack) -> None:
    """202 with the run's id, then 200 with the same; the run has what was posted, and is marked."""
    name = stack.name("triage")
    body = {"type": "issue.opened", "number": 7}
    gateway = gateway_with(stack, hook_door(name, input={"number": "{body.number}"}))
    async with stack.worker(), served(gateway) as asking:
        await stack.declare(name, runtime=ECHO)
        first = await post(asking, f"/hooks/{name}", body)
        again = await post(asking, f"/hooks/{name}", body)
        run_id = f"{name}-hook-msg_1"
        told = {"id": "msg_1", "taken": True, "run_id": run_id}
        assert (first.status_code, first.json()) == (202, told)
        assert (again.status_code, again.json()) == (200, told)
        handle = stack.client.get_workflow_handle(run_id, result_type=AgentRunResult)
        result = await handle.result()
        assert (await post(asking, f"/hooks/{name}", body)).status_code == 200
        keeper = await stack.keeper(name)
    assert (result.status, result.trigger) == (RunStatus.SUCCEEDED, Trigger.HOOK)
    assert result.tainted
    assert [entry.run.id for entry in keeper.ledger.values() if entry.run] == [run_id]


async def test_delivery_is_taken_without_a_worker(stack: Stack) -> None:
    """Workers may be away: what was accepted is done when one is there. Of any scheme."""
    names = {scheme: stack.name(scheme.value) for scheme in Scheme}
    doors = [hook_door(name, scheme=scheme) for scheme, name in names.items()]
    async with stack.worker():
        for name in names.values():
            await stack.declare(name, runtime=ECHO)
    async with served(gateway_with(stack, *doors)) as asking:
        taken = [
            await post(asking, f"/hooks/{name}", now_signed(scheme, "msg_1", {"scheme": scheme}))
            for scheme, name in names.items()
        ]
    assert [each.status_code for each in taken] == [202] * 3
    async with stack.worker():
        for each in taken:
            handle = stack.client.get_workflow_handle(each.json()["run_id"])
            assert (await handle.result())["status"] == RunStatus.SUCCEEDED


async def test_strangers_learn_nothing(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    """Not which agents there are, nor what was wrong: one answer for them all, to the letter.

    Those who run the gateway are told of a door that somebody knocks at in vain, now and then.
    """
    name = stack.name("triage")
    good = now_signed(Scheme.STANDARD, "msg_1", {"n": 1})
    async with served(gateway_with(stack, hook_door(name))) as asking:
        answers = [
            await post(asking, path, posted)
            for path in (f"/hooks/{name}", "/hooks/nobody", "/events/nothing")
            for posted in (
                good.but(body=b"{}"),
                good.but(webhook_id="msg_2"),
                Posted(b"{}"),
                standard("msg_1", b"{}", 1_000_000_000),
            )
        ]
        answers.append(await post(asking, "/hooks/nobody", good))
        large = [
            await post(asking, f"/hooks/{each}", Posted(b"x" * (20 * 1024 * 1024)))
            for each in (name, "nobody")
        ]
    shown = {(each.status_code, each.text, tuple(sorted(set(each.headers)))) for each in answers}
    assert len(shown) == 1
    assert (answers[0].status_code, answers[0].text) == (401, "unauthorized\n")
    assert [each.status_code for each in large] == [413, 413]
    told = [each.getMessage() for each in caplog.records if each.name == "rota.gateway"]
    assert (
        told == [f"{name}: a delivery from 127.0.0.1 is not signed as declared, or not lately"] * 4
    )


async def test_agent_that_is_not_applied_is_not_found(stack: Stack) -> None:
    """For those who hold the secret: nothing is started that would only fail."""
    name = stack.name("triage")
    async with served(gateway_with(stack, hook_door(name))) as asking:
        answer = await post(asking, f"/hooks/{name}", {"n": 1})
    assert (answer.status_code, answer.text) == (404, f"{name} is not applied\n")


async def test_delivery_that_is_not_for_a_run_starts_none(stack: Stack) -> None:
    """A filter keeps it back, Slack and GitHub try an address out, or it cannot be read."""
    name = stack.name("triage")
    doors = [hook_door(f"{name}-{scheme}", scheme=scheme) for scheme in Scheme]
    filtered = hook_door(name, filter="body.n > 5")
    async with served(gateway_with(stack, filtered, *doors)) as asking:
        kept = await post(asking, f"/hooks/{name}", {"n": 5})
        verification = {"type": "url_verification", "challenge": "c-1"}
        asked = now_signed(Scheme.SLACK, "", verification)
        challenge = await post(asking, f"/hooks/{name}-slack", asked)
        tried = now_signed(Scheme.GITHUB, "1", {"zen": "Keep it simple."})
        ping = await post(asking, f"/hooks/{name}-github", tried.but(x_github_event="ping"))
        unread = standard("msg_1", b"not JSON", int(time.time()))
        broken = await post(asking, f"/hooks/{name}-standard", unread)
    assert (kept.status_code, kept.json()) == (200, {"id": "msg_1", "taken": False})
    assert (challenge.status_code, challenge.text) == (200, "c-1")
    assert (ping.status_code, ping.json()["taken"]) == (200, False)
    assert (broken.status_code, broken.text) == (400, "the body is not JSON\n")


async def test_delivery_without_what_the_input_needs_is_told_so(stack: Stack) -> None:
    """Its sender reads which path is not there; more than may come in a minute come again."""
    name = stack.name("triage")
    door = hook_door(name, input={"n": "{body.n}"}, per_minute=2)
    async with stack.worker():
        await stack.declare(name, runtime=ECHO)
    async with served(gateway_with(stack, door)) as asking:
        lacking = await post(asking, f"/hooks/{name}", {"m": 1})
        stranger = await post(asking, f"/hooks/{name}", Posted(b"{}"))
        last = await post(asking, f"/hooks/{name}", {"n": 1}, "msg_2")
        more = await post(asking, f"/hooks/{name}", {"n": 1}, "msg_3")
    assert lacking.status_code == 422
    assert "hook.input: {body.n}: no 'n'" in lacking.text
    assert (stranger.status_code, last.status_code, more.status_code) == (401, 202, 429)
    assert 1 <= int(more.headers["retry-after"]) <= 30


async def test_delivery_is_told_to_come_again_while_the_server_is_away(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """503 within a bounded time; once it is back, the same delivery is one run."""
    monkeypatch.setattr("workers.gateway.server_calls.PATIENCE_SECONDS", 0.3)
    name = stack.name("triage")
    async with stack.worker():
        await stack.declare(name, runtime=ECHO)
    async with wire_to(stack.address) as wire:
        client = await Client.connect(wire.address, plugins=[RotaPlugin(stack.store)])
        gateway = gateway_with(stack, hook_door(name), topic_door("orders"))
        async with served(replace(gateway, client=client)) as asking:
            wire.cut()
            for path in (f"/hooks/{name}", "/events/orders"):
                answer = await post(asking, path, {"n": 1})
                assert (answer.status_code, answer.text) == (503, "come again\n")
                assert answer.headers["retry-after"] == "10"
            await wire.open()

            async def taken() -> int | None:
                status = (await post(asking, f"/hooks/{name}", {"n": 1})).status_code
                return None if status == 503 else status

            assert await poll(taken) in (200, 202)
    assert f"{name}: a delivery was told to come again" in caplog.text
    told = [each.getMessage() for each in caplog.records if each.name == "rota.gateway"]
    assert not [line for line in told if line.endswith(": ")], "each says why"


async def test_body_that_does_not_end_is_given_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real connection: its sender is told."""
    monkeypatch.setattr("workers.gateway.bodies.READ_SECONDS", 0.1)
    async with served(gateway_with(stack, hook_door("triage"))) as asking:
        reader, writer = await asyncio.open_connection(asking.base_url.host, asking.base_url.port)
        writer.write(b"POST /hooks/triage HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_pipeline_is_started_as_well(stack: Stack) -> None:
    """By its own workflow, under the same ids."""
    name = stack.name("morning")
    async with stack.worker(), served(gateway_with(stack, hook_door(name, "Pipeline"))) as asking:
        node = stack.name("node")
        await stack.declare(node, runtime=ECHO)
        await declare_pipeline(stack, name, nodes={"only": {"agent": node}})
        answer = await post(asking, f"/hooks/{name}", {"n": 1})
        handle = stack.client.get_workflow_handle(answer.json()["run_id"])
        result = await handle.result()
    assert (result["status"], result["trigger"]) == (RunStatus.SUCCEEDED, Trigger.HOOK)
