"""The `scripted` runtime: plays declared turns, offline. Tools are real.

A turn costs nothing, unless `runtime.price` says otherwise.

For tests, demos and dry runs of a fleet. The request alone decides what comes next
(the turn's number, earlier tool results, the run's input and memory), so a worker that
takes over after a crash plays the same turn again.
"""

import asyncio
import json
import re
from typing import Any, cast

from rota.conversation import (
    Block,
    Message,
    ModelReply,
    ModelRequest,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
)
from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, render
from rota.runtime_specs.scripted import ScriptedCall, ScriptedSettings, ScriptedTurn
from rota.tools import SecretReader
from rota.usage import Usage

FOR_EACH_LIMIT = 50


class ScriptedRuntime:
    """Plays `runtime.turns`, one per turn. Needs no secret."""

    def __init__(self, resolve_secret: SecretReader | None = None) -> None:
        del resolve_secret

    async def invoke(self, request: ModelRequest) -> ModelReply:
        """Play the turn that the run has come to.

        Raises:
            StepError: the script has ended, a template names what is not there, or the turn
                takes longer than `runtime.timeout`.
        """
        settings = ScriptedSettings.model_validate(request.settings)
        if request.turn == 0:
            return _summary(request, settings)
        if request.turn > len(settings.turns):
            raise StepError(
                FailureCategory.INVALID_REQUEST,
                f"the script ends after {len(settings.turns)} turns, turn {request.turn} was asked",
            )
        turn = settings.turns[request.turn - 1]
        limit = settings.timeout.total_seconds()
        await asyncio.sleep(min(turn.seconds, limit))
        if turn.seconds > limit:
            raise StepError(
                FailureCategory.TIMEOUT,
                f"script, turn {request.turn}: its {turn.seconds:g} s are more than "
                f"runtime.timeout, {limit:g} s",
            )
        scope = {**request.context, "results": _results(request.messages)}
        try:
            blocks = _blocks(turn, scope, request.turn)
        except TemplateError as error:
            raise StepError(
                FailureCategory.INVALID_REQUEST, f"script, turn {request.turn}: {error}"
            ) from error
        called = any(isinstance(block, ToolCall) for block in blocks)
        return ModelReply(
            message=Message(role="assistant", content=tuple(blocks)),
            stop=StopReason.TOOL_CALLS if called else StopReason.END_TURN,
            usage=Usage(**turn.usage.model_dump()),
            model=settings.model,
            reported_micros=_cost(settings),
        )


def _summary(request: ModelRequest, settings: ScriptedSettings) -> ModelReply:
    """A summary of what was said, which no script holds: how often, and the last words."""
    said = [message.text for message in request.messages if message.role == "assistant"]
    text = f"{len(said)} answers; the last one: {said[-1] if said else 'none'}"
    return ModelReply(
        message=Message(role="assistant", content=(Text(text=text),)),
        stop=StopReason.END_TURN,
        usage=Usage(),
        model=settings.model,
        reported_micros=_cost(settings),
    )


def _cost(settings: ScriptedSettings) -> int | None:
    """Nothing, unless a price is declared: then it is asked."""
    return 0 if settings.price is None else None


def _blocks(turn: ScriptedTurn, scope: dict[str, Any], number: int) -> list[Block]:
    blocks: list[Block] = []
    if turn.say:
        blocks.append(Text(text=str(render(turn.say, scope))))
    for call in turn.calls:
        for item in _items(call, scope):
            inner = scope if call.for_each is None else {**scope, "item": item}
            args = cast(dict[str, Any], render(call.args, inner))
            blocks.append(ToolCall(id=f"call_{number}_{len(blocks)}", name=call.tool, args=args))
    if turn.result is not None:
        result = render(turn.result, scope)
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        # The result alone is the answer; what is said beside it would spoil its JSON.
        return [Text(text=text)]
    return blocks


def _items(call: ScriptedCall, scope: dict[str, Any]) -> list[Any]:
    if call.for_each is None:
        return [None]
    items = render(call.for_each, scope)
    if not isinstance(items, list):
        raise TemplateError(f"for_each '{call.for_each}' is not a list")
    return cast(list[Any], items)[:FOR_EACH_LIMIT]


def _results(messages: tuple[Message, ...]) -> dict[str, Any]:
    """The latest result of each tool, by its name with dots, colons and slashes as underscores."""
    names: dict[str, str] = {}
    results: dict[str, Any] = {}
    for message in messages:
        for block in message.content:
            if isinstance(block, ToolCall):
                names[block.id] = re.sub(r"[.:/]", "_", block.name)
            elif isinstance(block, ToolResult) and block.call_id in names:
                results[names[block.call_id]] = _parsed(block.content)
    return results


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content
