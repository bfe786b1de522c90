"""Taking over from a dead worker: how often a keeper is freed, and that runs are."""

from temporalio.service import RPCError, RPCStatusCode

from rota.ids import keeper_id
from tests.fakes.anthropic_server import AnthropicFake
from tests.stack import Stack
from tests.workflows.claude import thinker
from workers import takeover
from workers.takeover import KEEPER_PAUSE_SECONDS, Takeover


def test_keeper_is_freed_once_in_a_while_however_many_steps_fail() -> None:
    """A hundred failing runs of one agent cost its keeper one replay, not a hundred."""
    taking = Takeover()
    assert [taking.keeper_is_due("a", 100.0 + n / 10) for n in range(100)] == [True] + 99 * [False]
    assert taking.keeper_is_due("b", 100.0)
    assert taking.keeper_is_due("a", 100.0 + KEEPER_PAUSE_SECONDS)


async def test_repeated_step_goes_on_though_the_server_will_not_free_its_run(
    stack: Stack, monkeypatch
) -> None:
    """Without the shortcut a run is slower, and nothing else."""
    asked: list[str] = []
    reset = takeover._reset

    async def refused(workflow_id: str) -> None:
        asked.append(workflow_id)
        service = takeover.activity.client().workflow_service

        async def refuse(*_: object, **__: object) -> None:
            raise RPCError("not allowed", RPCStatusCode.PERMISSION_DENIED, b"")

        with monkeypatch.context() as patch:
            patch.setattr(service, "reset_sticky_task_queue", refuse)
            await reset(workflow_id)

    monkeypatch.setattr(takeover, "_reset", refused)
    async with AnthropicFake() as fake:
        fake.fail(529, "overloaded_error")
        fake.say("Done.")
        async with thinker(stack, fake, retry={"backoff": "100ms"}) as name:
            result = await stack.run(name, f"{name}-1")
    assert result.output == "Done."
    assert set(asked) == {f"{name}-1", keeper_id(name)}
