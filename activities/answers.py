"""Check a model's final answer against what the agent promised to deliver."""

import json
import re
from typing import Any

from activities.schema_problems import schema_problems
from activities.stores.base import ObjectStore
from rota.agent_spec import AgentSpec
from rota.conversation import Message
from rota.model import canonical_json
from rota.turns.calls import INLINE_OUTPUT, AnswerRef

_FENCE = re.compile(r"^```(?:json)?\s*\n(.*)\n```\s*$", re.DOTALL)


async def check_answer(store: ObjectStore, spec: AgentSpec, reply: Message) -> AnswerRef:
    """Store the answer and say what is wrong with it, if anything.

    Without an output schema any text is an answer. With one, the text must be one JSON
    value (a Markdown fence around it is forgiven) that fits.
    """
    text = reply.text.strip()
    value: Any = text
    data = canonical_json(text)
    problems: list[str] = []
    if spec.output is not None:
        fenced = _FENCE.match(text)
        try:
            parsed = json.loads(fenced.group(1) if fenced else text, parse_constant=_refuse)
            # Python also reads what JSON cannot write: 1e999, half a surrogate pair.
            data = canonical_json(parsed)
        except (ValueError, RecursionError) as error:
            problems = [f"the result is not JSON: {error}"]
        else:
            value = parsed
            problems = schema_problems(spec.output.json_schema, value, whole="the result")
    return AnswerRef(
        digest=await store.put(data),
        problems=tuple(problems),
        output=value if len(data) <= INLINE_OUTPUT else None,
    )


def _refuse(constant: str) -> Any:
    """Python reads NaN and Infinity, which JSON does not have and nobody else could read."""
    raise ValueError(f"{constant} is no JSON value; use null or text instead")
