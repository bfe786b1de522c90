"""A tool's question to a person, made fit to travel.

Activity side: what the tool needs back with the answer stays in the store.
"""

from activities.safekeeping import kept
from activities.schema_problems import schema_fault
from activities.secrets import Secrets
from activities.stores.base import ObjectStore
from rota.failures import MESSAGE_LIMIT
from rota.model import canonical_json
from rota.steps import ToolInput
from rota.tools import NeedsAnswer
from rota.turns.calls import ResultRef

QUESTION_LIMIT = 32 * 1024
"""Bytes of JSON that a question may have, its schema included: it travels in history."""
MOST_QUESTIONS = 20
"""Times that one call may ask a person, bad answers included."""


class UnaskableError(Exception):
    """Nobody can be asked this; the message is for the model."""


async def question_of(
    store: ObjectStore, input: ToolInput, tool: str, asked: NeedsAnswer, secrets: Secrets
) -> ResultRef:
    """Have the run ask a person, and remember what the tool needs back with the answer.

    Raises:
        UnaskableError: it asks too often, or something that nobody could answer.
        activities.stores.base.StoreError: its state could not be kept.
    """
    if len(input.answers) >= MOST_QUESTIONS:
        raise UnaskableError(
            f"{tool}: it asked {MOST_QUESTIONS} times and asks again; it was stopped"
        )
    text = secrets.shortened(asked.question.text, MESSAGE_LIMIT)
    question = asked.question.model_copy(update={"asker": tool, "text": text})
    try:
        state = canonical_json(asked.state)
        size = len(canonical_json(question.model_dump(mode="json")))
    except ValueError as error:
        raise UnaskableError(f"{tool}: what it asked with is no JSON: {error}") from error
    fault = schema_fault(question.json_schema) if question.json_schema else ""
    if size > QUESTION_LIMIT:
        fault = f"it has {size} bytes; at most {QUESTION_LIMIT} may travel"
    if fault:
        raise UnaskableError(f"{tool}: nobody can answer its question: {fault}")
    digest = await kept(lambda: store.put(state))
    question = question.model_copy(update={"state": digest})
    return ResultRef(index=input.index, digest=digest, question=question)
