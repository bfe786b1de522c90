"""Tool names on their way to a provider and back."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activities.providers.tool_names import ToolNames

names = st.text(st.sampled_from("ab._:/ü-"), max_size=6) | st.text(max_size=200)


@example(tools=["a.b"], history=["a__b"], longest=64)
@given(
    tools=st.lists(names, max_size=12),
    history=st.lists(names, max_size=6),
    longest=st.sampled_from([64, 128]),
)
def test_tool_names_any_set_is_legal_distinct_and_reversible(
    tools: list[str], history: list[str], longest: int
) -> None:
    """Whatever a fleet calls its tools, each gets a legal name of its own, and keeps it."""
    mapping = ToolNames(tools, history, longest)
    every = set(tools) | set(history)
    wire = {mapping.to_wire(name) for name in every}
    assert len(wire) == len(every)
    assert all(re.fullmatch(rf"[a-zA-Z0-9_-]{{1,{longest}}}", name) for name in wire)
    assert {mapping.from_wire(mapping.to_wire(name)) for name in every} == every
    alone = ToolNames(tools, longest=longest)
    assert [alone.to_wire(name) for name in tools] == [mapping.to_wire(name) for name in tools]


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("ledger.post", "ledger__post"),
        ("post", "post"),
        ("mcp:warehouse/query", "mcp_warehouse_query"),
        ("Ä", "_"),
    ],
)
def test_tool_names_ordinary_name_stays_readable(name: str, wire: str) -> None:
    """The model sees a name that still tells what the tool does."""
    assert ToolNames([name]).to_wire(name) == wire
