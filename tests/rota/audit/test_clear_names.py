"""Names in the clear chain are Rota's or the declaration's, never a model's or an outsider's."""

import json
import re

import pytest

from rota.audit.clear_names import SIGNALS, tool_in_clear
from rota.audit.entries import chain_of
from rota.conversation import Message, ToolCall
from tests.house.repository import ROOT
from tests.rota.audit.audit_records import KEY, history, record

SPEC = {"tools": ["ledger.post", "github.*", "github.issues.*"], "approvals": {"Bash": "always"}}


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        ("ledger.post", "ledger.post"),
        ("github.pulls.list", "github.*"),
        ("github.issues.Jane Doe owes us", "github.issues.*"),
        ("Bash", "Bash"),
        ("tell Jane Doe, born 1970", ""),
        ("", ""),
    ],
)
def test_tool_is_told_by_the_name_it_is_declared_by(tool: str, told: str) -> None:
    """A model calls what it likes; the declaration says what there is."""
    assert tool_in_clear(tool, SPEC) == told
    assert tool_in_clear(tool, None) == ""


def test_names_that_a_model_or_an_outsider_made_up_are_content() -> None:
    """They survive in no chain whose content was erased; with it they are all there."""
    made = record(3, turns=1)
    call = ToolCall(id="t1", name="Jane Doe", args={}, key="0" * 64)
    node = made.turns[0].node
    reply = Message(role="assistant", content=(*node.reply.content, call))
    turn = made.turns[0].model_copy(update={"node": node.model_copy(update={"reply": reply})})
    signalled = history("r", 0)
    signalled.history["events"][0] = {
        **signalled.history["events"][0],
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
        "workflowExecutionSignaledEventAttributes": {"signalName": "Jane Doe"},
    }
    del signalled.history["events"][0]["workflowExecutionStartedEventAttributes"]
    changed = {
        "spec": SPEC,
        "turns": (turn,),
        "calls": (made.calls[0].model_copy(update={"call": call}),),
        "executions": (signalled,),
    }
    chain = chain_of(made.model_copy(update=changed), KEY)
    told = json.dumps([each.model_dump(mode="json") for each in chain.records])
    assert "Jane" not in told
    assert sum(b"Jane" in piece.data for piece in chain.pieces) == 3


def test_signals_that_are_told_are_those_that_runs_are_sent() -> None:
    """As the workflows have them."""
    sources = [path.read_text() for path in (ROOT / "workflows").rglob("*.py")]
    handled = {each for text in sources for each in re.findall(HANDLER, text)}
    assert handled == SIGNALS


HANDLER = re.compile(r'set_signal_handler\(\s*"(\w+)"')
