"""Runs and keepers that tell people, and notifiers, to be recorded."""

import os

from rota.ids import keeper_id
from rota.notices.notifier import NotifierPolicy
from rota.notices.spec import Occasion
from rota.tools import NeedsAnswer, ToolContext, tool
from rota.turns.questions import Question, QuestionKind
from tests.fakes.hook_receiver import HookReceiver
from tests.replay.pipeline_scenarios import executions
from tests.replay.scenarios import Recording, Scenario, ended
from tests.rota.notices.notice_desk import fact
from tests.stack import Stack, script
from tests.workflows.notified import Line

HOOK = "ROTA_RECORDED_HOOK"
"""A secret in the environment: its name is all that a history has of the receiver."""
ENTRY = {"slack": f"env:{HOOK}", "on": [occasion.value for occasion in Occasion]}


@tool(name="people.ask")
def ask(context: ToolContext) -> str:
    """Ask a person, then answer."""
    if not context.answers:
        raise NeedsAnswer(Question(kind=QuestionKind.CONFIRM, text="Sure?"))
    return "sure"


TOOLS = (ask,)


async def told(stack: Stack) -> list[Recording]:
    """A notifier whose receiver is wrong at first, then told so much that it continues as new.

    An agent whose soft limit is reached, and whose run asks a question.
    """
    stack.notifier_policy = NotifierPolicy(group_seconds=0.2, per_minute=1000, pause_seconds=1)
    line = Line(stack, ENTRY)
    with HookReceiver() as receiver:
        os.environ[HOOK] = receiver.url
        receiver.status = 404
        await line.post(fact("first"))
        await line.in_trouble()
        receiver.status = 200
        await line.told(1)
        for number in range(12):
            await line.post(fact(f"fact-{number}"))
            await line.told(2 + number)
        spends = {"result": "done", "usage": {"input_tokens": 85_000}}
        await stack.declare(
            "asker",
            runtime=script({"calls": [{"tool": "people.ask"}]}, spends),
            tools=["people.ask"],
            budget={"day_tokens": 100_000},
            notify=[ENTRY],
        )
        handle = await stack.start("asker", "asker-1")
        await line.told(14)
        await handle.execute_update("answer", {"question": "q1", "value": True})
        await handle.result()
        await stack.declare("broken", runtime=script({"result": "{input.nothing}"}), notify=[ENTRY])
        await ended(await stack.start("broken", "broken-1"))
        await line.told(17)
    return [
        Recording("run-told-of-a-question", "asker-1"),
        Recording("run-told-of-its-failure", "broken-1"),
        Recording("keeper-told-of-a-soft-limit", keeper_id("asker")),
        *await executions(stack, "notifier", line.handle.id),
    ]


SCENARIOS: tuple[Scenario, ...] = (told,)
