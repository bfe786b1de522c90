"""`rota graph` and `rota pipelines`: the shape from the files, how it went from the server."""

from pathlib import Path

import pytest

from tests.workers.cli.command_line import rota
from tests.workers.cli.conftest import FleetOnServer
from tests.workflows.gates import keepers_listed
from workers.cli.exit_codes import ExitCode


def with_pipeline(fleet: FleetOnServer) -> str:
    """Add a pipeline of two nodes to the fleet's files and return its name."""
    name = fleet.stack.name("morning")
    (fleet.folder / "agents" / "morning.yaml").write_text(
        f"kind: Pipeline\nname: {name}\nnodes:\n"
        f"  first: {{agent: {fleet.agent}}}\n"
        f'  second: {{agent: {fleet.agent}, after: [first], not_before: 0s, when: "first.status'
        " == 'failed'\"}\n"
    )
    return name


async def test_graph_and_pipelines_tell_how_the_newest_run_went(served: FleetOnServer) -> None:
    """Each node has the status of the run, and the list the counts."""
    name = with_pipeline(served)
    assert (await served.rota("apply")).code == ExitCode.OK
    await keepers_listed(served.stack, name)
    before = await served.rota("pipelines", "--json")
    ran = await served.rota("run", name, "--id", f"{name}-1")
    graph = await served.rota("graph", name)
    named = await served.rota("graph", name, "--run", f"{name}-1", "--json")
    fleet = await served.rota("graph", "--json")
    listed = await served.rota("pipelines")
    other = await served.rota("graph", name, "--run", f"{name}-1/first")
    assert ran.code == ExitCode.OK, ran.err
    assert [p["last"] for p in before.json if p["pipeline"] == name] == [None]
    lines = graph.out.splitlines()
    assert lines[1].split()[-1] == "succeeded"
    assert lines[2].split()[-1] == "skipped"
    assert f"as of {name}-1, succeeded" in graph.err
    assert [v["status"] for v in named.json["vertices"]] == ["succeeded", "skipped"]
    statuses = {v["id"]: v["status"] for v in fleet.json["vertices"]}
    assert statuses == {served.agent: "succeeded", name: "succeeded"}
    row = next(line for line in listed.out.splitlines() if line.startswith(name))
    assert f"{name}-1" in row
    assert other.code == ExitCode.NOT_FOUND
    assert "is the run of an agent" in other.err


async def test_graph_without_a_server_still_shows_the_shape(written: FleetOnServer) -> None:
    """No server is no reason to hide what the files say."""
    name = with_pipeline(written)
    arguments = ("--fleet", str(written.folder), "--address", "127.0.0.1:1")
    ended = await rota("graph", name, *arguments)
    run = await rota("graph", name, "--run", "x", *arguments)
    assert (ended.code, run.code) == (ExitCode.OK, ExitCode.NO_SERVER)
    assert "second" in ended.out
    assert "without statuses: " in ended.err


@pytest.mark.parametrize(
    ("file", "begins"),
    [("g.svg", b"<svg "), ("g.png", b"\x89PNG"), ("g.mmd", b"---\ntitle"), ("g.txt", b"morning")],
)
async def test_graph_writes_what_the_file_name_asks_for(
    written: FleetOnServer, tmp_path: Path, file: str, begins: bytes
) -> None:
    """The format follows the file's ending."""
    name = with_pipeline(written)
    where = tmp_path / file
    fleet = ("--fleet", str(written.folder), "--offline")
    ended = await rota("graph", name, *fleet, "--output", str(where))
    assert ended.code == ExitCode.OK, ended.err
    assert where.read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], ExitCode.NOT_FOUND, "no pipeline 'nonsense'"),
        (["--output", "g.gif"], ExitCode.WRONG, "names no format"),
        (["--format", "png"], ExitCode.WRONG, "give --output"),
        (["--run", "x"], ExitCode.WRONG, "--run needs the name of its pipeline"),
        (["--output", "/dev/null/g.svg"], ExitCode.FAILED, "cannot write /dev/null/g.svg"),
    ],
)
async def test_graph_of_what_cannot_be_shown_says_why(
    written: FleetOnServer, arguments: list[str], code: ExitCode, says: str
) -> None:
    """One line and the exit code that fits."""
    fleet = ("--fleet", str(written.folder), "--offline")
    ended = await rota("graph", *arguments, *fleet)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
