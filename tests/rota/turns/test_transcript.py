"""Transcripts: addresses of nodes, and the idempotency keys of tool calls."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rota.conversation import Message, Opaque, StopReason, Text, ToolCall, ToolResult
from rota.turns.transcript import RunContext, TranscriptNode, keyed, template_scope
from rota.usage import Usage
from tests.rota.keepers.desks import pinned

SLOT, OTHER_SLOT = "2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z"


def context(slot: str | None = SLOT, run_id: str = "r1", **fields: Any) -> RunContext:
    """A run's context; `run_key` tells two runs of one id apart."""
    return RunContext(run_id=run_id, run_key=f"{run_id}-key", spec=pinned(), slot=slot, **fields)


def call(name: str = "ledger.post", id: str = "c1", **args: Any) -> ToolCall:
    """One call."""
    return ToolCall(id=id, name=name, args=args)


def turn(where: RunContext, *calls: ToolCall, said: tuple[Message, ...] = ()) -> Message:
    """A turn that makes `calls`, with their keys."""
    return keyed(Message(role="assistant", content=calls), where, said)


def keys(where: RunContext, *calls: ToolCall, said: tuple[Message, ...] = ()) -> list[str]:
    """The keys that `calls`, made in one turn, are given."""
    return [made.key for made in turn(where, *calls, said=said).tool_calls]


def results(*lost: str) -> Message:
    """What the model reads of its calls; of those named nobody saw the end."""
    told = (ToolResult(call_id=id, content="", is_error=True, lost=True) for id in lost)
    return Message(role="user", content=tuple(told))


def test_key_of_a_re_run_slot_is_the_same() -> None:
    """Another run of the slot makes the same call under the same key."""
    post = call(amount=1)
    first = keys(context(run_id="r1"), post)
    assert first == keys(context(run_id="r2"), call(id="another", amount=1))
    assert len(first[0]) == 64


def test_key_of_a_call_made_later_in_the_run_is_the_same() -> None:
    """The path to a call does not matter: neither turn nor position enters."""
    read, post = call("ledger.read"), call(amount=1)
    first = turn(context(), read)
    assert keys(context(), read, post)[1] == keys(context(), post, said=(first,))[0]


def test_key_differs_by_everything_that_makes_it_another_effect() -> None:
    """Agent, session, slot, tool and arguments each give a key of their own."""
    post = call(amount=1)
    other_agent = context().model_copy(update={"spec": pinned(name="other")})
    places = [context(), context(OTHER_SLOT), context(session="y"), other_agent]
    made = [keys(where, post)[0] for where in places]
    made += keys(context(), call(amount=2), call("ledger.undo", amount=1))
    assert len(set(made)) == len(made)


def test_key_without_a_slot_belongs_to_the_run() -> None:
    """A manual run shares keys with nobody but its own repetition under the same id."""
    post = call(amount=1)
    assert keys(context(None, "r1"), post) != keys(context(None, "r2"), post)
    assert keys(context(None, "r1"), post) == keys(context(None, "r1"), post)


@given(st.integers(1, 6), st.integers(0, 6))
def test_key_of_identical_calls_counts_them(now: int, before: int) -> None:
    """The nth identical call has one key, whether made at once or turn by turn."""
    post = call(amount=1)
    at_once = keys(context(), *[post] * (before + now))
    assert len(set(at_once)) == before + now
    first = turn(context(), *[post] * before)
    assert keys(context(), *[post] * now, said=(first,)) == at_once[before:]


def test_key_of_a_call_whose_end_nobody_saw_is_kept_when_it_is_made_again() -> None:
    """Once for each that was lost; with other arguments it is another call."""
    where, other = context(), call(id="c4", amount=2)
    first = turn(where, call(id="c1"), call(id="c2"), call(id="c3"), other)
    one, two, three, _ = (made.key for made in first.tool_calls)
    said = (first, results("c3", "c1"))
    again = turn(where, call(id="c1"), call(id="c2"), call(id="c3"), other, said=said)
    fourth, second = again.tool_calls[2].key, again.tool_calls[3].key
    assert [made.key for made in again.tool_calls[:2]] == [one, three]
    assert not {fourth, second} & {made.key for made in first.tool_calls}
    # Lost once more, and known at last.
    said = (*said, again, results("c2"))
    last = turn(where, call(id="c1"), said=said)
    assert last.tool_calls[0].key == three
    assert keys(where, call(), said=(*said, last)) != [three]
    assert two not in {made.key for made in again.tool_calls}


def test_keyed_leaves_everything_else_as_it_was() -> None:
    """Text and a provider's own blocks keep their place and their content."""
    blocks = (Text(text="a"), call(), Opaque(provider="p", data={"x": 1}), Text(text="b"))
    reply = keyed(Message(role="assistant", content=blocks), context(), [])
    assert [b for b in reply.content if not isinstance(b, ToolCall)] == [
        blocks[0],
        blocks[2],
        blocks[3],
    ]
    (made,) = reply.tool_calls
    assert made.model_copy(update={"key": ""}) == blocks[1]


def test_templates_may_name_a_baseline_only_of_an_agent_that_keeps_one() -> None:
    """What is sent to services of other agents has no key more than before."""
    keeps = RunContext(run_id="r1", run_key="k", spec=pinned(baseline="auto"))
    assert template_scope(keeps, {}, {"rows": 7})["baseline"] == {"rows": 7}
    assert "baseline" not in template_scope(context(), {})


def test_templates_see_a_mark_only_where_there_is_one() -> None:
    """What services are handed of an unmarked run is what it ever was."""
    marked = context().model_copy(update={"tainted": True})
    assert template_scope(marked, {})["tainted"] is True
    assert "tainted" not in template_scope(context(), {})


def test_node_digest_vouches_for_all_before_it() -> None:
    """Changing one word of an early turn changes every later address."""

    def chain(word: str) -> list[str]:
        parent, digests = None, []
        for turn, text in enumerate((word, "same", "same"), start=1):
            node = TranscriptNode(
                parent=parent,
                context="c",
                turn=turn,
                added=(),
                reply=Message(role="assistant", content=(Text(text=text),)),
                stop=StopReason.END_TURN,
                usage=Usage(),
                model="m",
            )
            parent = node.digest
            digests.append(parent)
        return digests

    assert not set(chain("a")) & set(chain("b"))
    assert chain("a") == chain("a")


def test_node_read_back_has_the_same_digest() -> None:
    """Reading and writing a node loses nothing, typed blocks included."""
    node = TranscriptNode(
        context="c",
        turn=1,
        added=(Message(role="user", content=(Text(text="ü"),)),),
        reply=Message(role="assistant", content=(call(a=1.5, b=[None]), Text(text=""))),
        stop=StopReason.TOOL_CALLS,
        usage=Usage(cost_micros=None),
        model="m",
    )
    assert TranscriptNode.model_validate_json(node.encode()).digest == node.digest
