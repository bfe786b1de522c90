"""The turns of a run as the report shows them, each with its reasoning and its calls. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from rota.audit.reasoning import reasoning_of
from rota.audit.run_record import RecordedCall, RecordedTurn, RunRecord
from rota.conversation import Message, Text
from rota.usage import format_cost
from workers.audit.report_words import STAGES, at, json_or_text, shown, took


@dataclass(frozen=True)
class CallView:
    """A tool call as it is read."""

    name: str
    arguments: str
    result: str
    state: str
    """`ok`, `error`, `not made`."""
    took: str
    tainted: bool
    decided: tuple[str, ...]
    effect: str


@dataclass(frozen=True)
class TurnView:
    """A turn as it is read."""

    title: str
    facts: str
    told: tuple[str, ...]
    reasoning: tuple[str, ...]
    said: tuple[str, ...]
    calls: tuple[CallView, ...]


def turns(record: RunRecord) -> list[TurnView]:
    """Every turn with what was said and done in it."""
    return [_turn(record, turn) for turn in record.turns]


def _turn(record: RunRecord, turn: RecordedTurn) -> TurnView:
    node = turn.node
    own = [call for call in record.calls if call.turn == node.turn and not node.sums_up]
    facts = (
        node.model,
        f"{node.usage.tokens:,} tokens",
        format_cost(node.usage.cost_micros),
        node.stop.value.replace("_", " "),
        took(turn.began, turn.ended),
    )
    return TurnView(
        title="Summary of the conversation before" if node.sums_up else f"Turn {node.turn}",
        facts=" · ".join(facts),
        told=tuple(text for message in node.added for text in _texts(message)),
        reasoning=tuple(shown(text) for text in reasoning_of(node.reply)),
        said=tuple(_texts(node.reply)),
        calls=tuple(_call(record, call) for call in own),
    )


def _texts(message: Message) -> Iterator[str]:
    """What was said in words; results of calls are shown with their calls."""
    for block in message.content:
        if isinstance(block, Text) and block.text.strip():
            yield shown(block.text)


def _call(record: RunRecord, call: RecordedCall) -> CallView:
    rulings = [each.ruling for each in record.approvals if each.call and each.call == call.call.key]
    effects = [each for each in record.effects if each.effect.key == call.call.key]
    return CallView(
        name=call.call.name,
        arguments=shown(call.call.args),
        result=shown(json_or_text(call.result)) if call.made else "",
        state="not made" if not call.made else "error" if call.is_error else "ok",
        took=took(call.began, call.ended),
        tainted=call.tainted,
        decided=tuple(f"{r.shown} on {at(r.at)}" for r in rulings),
        effect=STAGES[effects[-1].effect.stage] if effects else "",
    )
