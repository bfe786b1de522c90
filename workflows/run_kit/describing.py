"""What a run says of itself while it goes on: the answer to its query `status`."""

from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.keepers.admission import Admission
    from rota.turns.loop import LoopState
    from rota.turns.outcome import provider_of, runtime_of
    from workflows.run_kit.approvals import Approvals
    from workflows.run_kit.effects import Effects
    from workflows.run_kit.money import Money
    from workflows.run_kit.questions import Questions
    from workflows.run_kit.standing import Standing


class Telling(Protocol):
    """A run that can be asked: `RunKit`."""

    loop: LoopState
    money: Money
    questions: Questions
    effects: Effects
    approvals: Approvals


def describe(run: Telling, standing: Standing, admission: Admission | None) -> dict[str, object]:
    """Return where the run stands, by names that commands read.

    Args:
        run: Asked.
        standing: What it does, and what it waits for.
        admission: The keeper's answer, if there was one.
    """
    loop = run.loop
    # A run that has parked before its calls has made none of them.
    made = loop.calls if run.money.purse.parked_at is None else ()
    calls = [call.name for call in made]
    return {
        "status": standing.status.value,
        "turn": loop.turn,
        "tool_calls": loop.tool_calls,
        "tokens": loop.usage.tokens,
        "usage": loop.usage.model_dump(mode="json"),
        "below": loop.below.model_dump(mode="json"),
        "runtime": runtime_of(admission, loop),
        "fallback": loop.runtime,
        "provider": provider_of(loop),
        "links": loop.links,
        "waiting_for": [*standing.waiting_for, *calls],
        "questions": run.questions.open,
        "budget": run.money.shown,
        "effects": run.effects.open,
        "transcript": loop.head,
        "approvals": run.approvals.open,
    }
