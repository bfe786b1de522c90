"""Two builds side by side on the real server: runs stay where they began, keepers move on."""

import logging
from datetime import timedelta

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from rota.ids import keeper_id
from tests.stack import Stack
from tests.workflows.gates import GATED, Gate, poll
from workers.build import Build, tell_of_build
from workers.build_checks import check_builds, runs_left, trouble_with_build


async def make_current(client: Client, build: Build) -> None:
    """As `temporal worker deployment set-current-version`, once the server knows the build."""

    async def done() -> bool | None:
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=build.deployment,
            build_id=build.id,
            identity=client.identity,
        )
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:  # none of its workers has polled yet, or not each queue's
            return None
        return True

    await poll(done)


async def builds_of(client: Client, workflow_id: str) -> list[str]:
    """The builds that decided on a workflow, one after the other; empty: of no build."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    found = [
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    return [build for at, build in enumerate(found) if at == 0 or build != found[at - 1]]


async def doctor_says(stack: Stack, words: str) -> None:
    """Wait until it does: the server counts a worker once that has asked for work."""

    async def said() -> bool | None:
        check = await check_builds(stack.client, stack.task_queue)
        return True if check and check.found.startswith(words) else None

    await poll(said)


async def wait_is_told(
    client: Client, task_queue: str, run: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that began on `build`, if nobody served that any more."""

    async def counted() -> bool | None:
        return True if await runs_left(client, build.deployment, ()) == {build: 1} else None

    await poll(counted)
    assert await runs_left(client, build.deployment, (build,)) == {}
    info = (await client.get_workflow_handle(run).describe()).raw_info
    assert await trouble_with_build(client, task_queue, info) is None
    with monkeypatch.context() as patch:
        patch.setattr("workers.build_checks.POLL", timedelta(0))  # as if all were long gone
        said = await trouble_with_build(client, task_queue, info)
    assert said
    assert said.startswith(f"it began on build {build}, which nobody serves: start a worker")


async def keeper_moves(stack: Stack, name: str, builds: list[str]) -> None:
    """Send it something until it has: the server tells its queues of a build in its own time."""

    async def moved() -> bool | None:
        await stack.declare(name, **GATED)
        return True if await builds_of(stack.client, keeper_id(name)) == builds else None

    await poll(moved)


async def test_runs_end_on_their_build_and_keepers_move_on(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers without builds are followed by a first build, and by a second amid a run."""
    first, second = (Build(f"rota-{stack.task_queue}", each) for each in ("b1", "b2"))
    name, gate = stack.name("built"), Gate()
    async with stack.worker([gate.tool]):
        await stack.declare(name, **GATED, session={"concurrency": "parallel"})
    assert await builds_of(stack.client, keeper_id(name)) == [""]
    assert await check_builds(stack.client, stack.task_queue) is None

    async with stack.worker([gate.tool], build=first):
        with caplog.at_level(logging.INFO, "rota.worker"):
            await tell_of_build(stack.client, first)
        assert f"no build of deployment {first.deployment} is current" in caplog.text
        await doctor_says(stack, f"no build is current: workers of {first} are given nothing")
        old = await stack.start(name, f"{name}-old")
        await make_current(stack.client, first)
        await gate.reached.wait()
        gate.reached.clear()
        async with stack.worker([gate.tool], build=second):
            await make_current(stack.client, second)
            await doctor_says(
                stack, f"new runs begin on {second}; {first} for runs that began there"
            )
            new = await stack.start(name, f"{name}-new")
            await gate.reached.wait()
            await wait_is_told(stack.client, stack.task_queue, old.id, first, monkeypatch)
            gate.opened.set()
            results = [await old.result(), await new.result()]
            assert [result.status for result in results] == ["succeeded"] * 2
            assert await builds_of(stack.client, old.id) == ["b1"]
            assert await builds_of(stack.client, new.id) == ["b2"]
            await keeper_moves(stack, name, ["", "b1", "b2"])
            await make_current(stack.client, first)
            await keeper_moves(stack, name, ["", "b1", "b2", "b1"])
