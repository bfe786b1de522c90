"""Whatever YAML the documentation shows, a reader can copy: the real loader takes every block.

Each block becomes a fleet of its own: as `fleet.yaml`, as an agent or a pipeline, or, where it
shows a few keys of an agent, as an agent with these. What it names beside itself (other agents,
files, the reader's tools, connections) is put beside it, as small as can be.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from rota.agent_spec import AgentSpec
from rota.coordination.handoffs import handoff_of
from rota.fleet_file import FleetFile
from schedules.declaration_errors import DeclarationErrors
from schedules.yaml_source import load_documents
from tests.house.documentation import Block, blocks, pages
from tests.house.documented_runtime import installed
from workers.checked_fleet import check_fleet

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BLOCKS = [block for page in pages() for block in blocks(page, "yaml")]

ANYTHING = {"type": "object", "additionalProperties": True}
VERDICT = {
    "properties": {"verdict": {"enum": ["pass", "fail"]}, "reason": {}},
    "required": ["verdict", "reason"],
}
IDLE = {"kind": "scripted", "turns": [{"result": "done"}]}
TOOL = '''

@tool(name="{name}", effect="idempotent")
def {function}(ctx: ToolContext, amount: float = 0) -> str:
    """One of the reader's own."""
    return ""
'''
READERS_TOOLS = ("ledger.match_batch", "ledger.flag", "ledger.post")
CONNECTIONS = {
    "name": "reader",
    "egress": {"allow": ["https://example.com"]},
    "github": {"token": "env:GITHUB_TOKEN"},
    "slack": {"token": "env:SLACK_TOKEN"},
    "email": {"host": "smtp.example.com", "from": "rota@example.com"},
    "databases": {"warehouse": {"url": "env:WAREHOUSE_URL"}},
    "mcp": {"warehouse": {"url": "https://warehouse.example/mcp"}},
}


def checked(block: Block, folder: Path) -> None:
    """Check a fleet with the block in it, as `rota validate` does.

    Raises:
        DeclarationErrors: everything that is wrong with it.
        ValueError: it is nothing that belongs into a fleet.
    """
    found = read(block, folder)
    keys = {*found}
    write(folder / "agents" / "idle.yaml", {"name": "idle", "runtime": IDLE})
    if keys and keys <= FleetFile.model_fields.keys() and not is_of_agent(keys):
        (folder / "fleet.yaml").write_text(block.text)
        check_fleet(folder, NOW)
        return
    write(folder / "fleet.yaml", CONNECTIONS)
    surround(folder, found)
    if found.get("kind") in ("Pipeline", "Team") or {"name", "runtime"} <= keys:
        text = block.text
    elif is_of_agent(keys):
        lacking = {key: value for key, value in STAND_IN.items() if key not in keys}
        text = yaml.safe_dump(lacking) + block.text
    else:
        raise ValueError(f"{block.place}: neither a document of a fleet nor keys of an agent")
    (folder / "agents" / "shown.yaml").write_text(text)
    check_fleet(folder, NOW)


def read(block: Block, folder: Path) -> dict[str, Any]:
    """Read the block as the loader does, to which `on` is no truth value."""
    (folder / "block.yaml").write_text(block.text)
    (document,) = load_documents(folder / "block.yaml", block.place)
    return document.data


STAND_IN = {"name": "shown", "runtime": IDLE, "input": {"repository": "rota", "head": "1"}}
"""What an agent has beside the keys that a block shows."""


def is_of_agent(keys: set[str]) -> bool:
    """True of keys that an agent may have. A name alone, or none, says nothing."""
    return keys <= AgentSpec.model_fields.keys() and bool(keys - {"name"})


def surround(folder: Path, document: dict[str, Any]) -> None:
    """Put the agents, files and tools beside a document that it names."""
    for name in {*agents_in(document)} - {document.get("name")}:
        beside = {"name": name, "runtime": IDLE, "output": {"schema": ANYTHING}}
        write(folder / "agents" / f"{name}.yaml", beside)
    for grader in {
        check["agent"] for check in document.get("checks", {}).values() if "agent" in check
    }:
        beside = {"name": grader, "runtime": IDLE, "output": {"schema": VERDICT}}
        write(folder / "agents" / f"{grader}.yaml", beside)
    for key in ("accepts", "output"):
        schema = (document.get(key) or {}).get("schema")
        if isinstance(schema, str):
            write(folder / schema, ANYTHING)
    instructions = document.get("instructions", "")
    if instructions.endswith((".md", ".txt")):
        write(folder / instructions, "Do it.")
    script = (document.get("runtime") or {}).get("script")
    if script is not None:
        write(folder / script, IDLE["turns"])
    named = [name for name in READERS_TOOLS if name in document.get("tools", ())]
    source = "".join(TOOL.format(name=n, function=n.replace(".", "_")) for n in named)
    (folder / "tools.py").write_text(f"from rota.tools import ToolContext, tool\n{source}")


def agents_in(document: dict[str, Any]) -> Iterator[str]:
    """Yield the names of other agents."""
    yield from (node["agent"] for node in document.get("nodes", {}).values())
    yield from (need["agent"] for need in document.get("needs", ()))
    yield from (called.agent for tool in document.get("tools", ()) if (called := handoff_of(tool)))


def write(file: Path, content: object) -> None:
    """Write a file of the fleet, YAML being what JSON is too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content))


@pytest.fixture(autouse=True)
def acme(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The documentation's own runtime is installed."""
    with installed(tmp_path_factory.mktemp("acme"), monkeypatch):
        yield


@pytest.mark.parametrize("block", BLOCKS, ids=[block.place for block in BLOCKS])
def test_yaml_of_the_documentation_is_valid(block: Block, tmp_path: Path) -> None:
    """The loader, the tools' checks and the lint find nothing wrong."""
    checked(block, tmp_path)


def test_documentation_shows_all_sorts_of_documents(tmp_path: Path) -> None:
    """Blocks are found at all: agents, pipelines and fleet.yaml, on more than one page."""
    shown = [read(block, tmp_path) for block in BLOCKS]
    assert any(document.get("kind") == "Pipeline" for document in shown)
    assert any({"name", "runtime"} <= document.keys() for document in shown)
    assert any({"mcp"} == document.keys() for document in shown)
    assert len({block.place.partition(":")[0] for block in BLOCKS}) > 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("name: a\nruntime: {kind: opneai, model: m}", "opneai", id="kind"),
        pytest.param("runtime: {kind: openai, model: m, basurl: x}", "basurl", id="key"),
        pytest.param("mcp: {warehouse: {uri: 'https://a.example'}}", "uri", id="fleet file"),
        pytest.param("tools: [ledger.mach_batch]", "ledger.mach_batch", id="tool"),
        pytest.param("kind: Pipeline\nname: p\nnodes: {a: {agent: b, wen: c}}", "wen", id="node"),
    ],
)
def test_yaml_with_a_mistake_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """What a reader could not copy is found, whichever sort of document it is in."""
    with pytest.raises(DeclarationErrors) as raised:
        checked(Block("page.md:1", "yaml", text), tmp_path)
    assert said in str(raised.value)


def test_yaml_of_nothing_in_particular_is_refused(tmp_path: Path) -> None:
    """A block that nobody can place is told, not passed over."""
    with pytest.raises(ValueError, match=r"page\.md:1: neither"):
        checked(Block("page.md:1", "yaml", "colour: green"), tmp_path)
