"""`rota baseline`: what is accepted, what waits, and the words of people about it."""

from collections.abc import AsyncIterator

import pytest

from activities.tools.fleet import load_tools
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode

DECLARATION = """name: {agent}
runtime:
  kind: scripted
  turns:
    - result: {{rows: "{{input.rows}}", findings: "{{input.findings}}"}}
input: {{rows: 1, findings: []}}
output: {{schema: {{type: object}}}}
session: {{baseline: manual}}
"""


@pytest.fixture
async def kept(written: FleetOnServer) -> AsyncIterator[FleetOnServer]:
    """A served fleet whose agent keeps a baseline, and says what its input says."""
    written.file.write_text(DECLARATION.format(agent=written.agent))
    async with written.stack.worker(list(load_tools(written.folder).values())):
        ended = await written.rota("apply")
        assert ended.code == ExitCode.OK, ended.err
        yield written


async def run(fleet: FleetOnServer, rows: int, *findings: str) -> str:
    """Have the agent find that, and return the run's id."""
    listed = ", ".join(f'"{each}"' for each in findings)
    input = f'{{"rows": {rows}, "findings": [{listed}]}}'
    ended = await fleet.rota("run", fleet.agent, "--input", input, "--json")
    assert ended.code == ExitCode.OK, ended.err
    return str(ended.json["run_id"])


async def test_baseline_of_an_agent_without_the_key_says_what_to_declare(
    served: FleetOnServer,
) -> None:
    """The cure is in the line."""
    ended = await served.rota("baseline", "show", served.agent)
    assert ended.code == ExitCode.WRONG
    assert "declare 'session: {baseline: manual}'" in ended.err


async def test_baseline_is_shown_accepted_compared_and_listed(kept: FleetOnServer) -> None:
    """From the first night, when there is nothing, to the history of two."""
    agent = kept.agent
    nothing = await kept.rota("baseline", "show", agent, "--json")
    assert (nothing.json["accepted"], nothing.json["document"]) == (None, None)
    early = await kept.rota("baseline", "accept", agent)
    assert (early.code, "has no candidate" in early.err) == (ExitCode.NOT_FOUND, True)
    first = await run(kept, 7, "gap")
    accepted = await kept.rota("baseline", "accept", agent, "--by", "ann", "--note", "new feed")
    assert f"of {first}, accepted by ann at" in accepted.out
    await run(kept, 8, "gap", "drift")
    compared = await kept.rota("baseline", "diff", agent, "--json")
    assert [tuple(each.values()) for each in compared.json["changes"]] == [
        ("findings[]", "added", None, "drift"),
        ("rows", "changed", 7, 8),
    ]
    assert "findings[]" in (await kept.rota("baseline", "diff", agent)).out
    shown = await kept.rota("baseline", "show", agent)
    assert shown.json == {"rows": 7, "findings": ["gap"]}
    assert f"'rota baseline accept {agent}' accepts it" in shown.err
    reason = ("--by", "bob", "--reason", "counts holidays")
    rejected = await kept.rota("baseline", "reject", agent, *reason, "--json")
    assert (rejected.json["candidate"], rejected.json["accepted"]["by"]) == (None, "ann")
    listed = (await kept.rota("baseline", "history", agent, "--json")).json
    assert [(each["word"], each["by"], each["note"]) for each in listed] == [
        ("rejected", "bob", "counts holidays"),
        ("accepted", "ann", "new feed"),
    ]
    assert "counts holidays" in (await kept.rota("baseline", "history", agent)).out


async def test_accepting_by_the_run_that_was_looked_at_is_refused_once_a_newer_is_there(
    kept: FleetOnServer,
) -> None:
    """`--run` holds what somebody types to what he has seen."""
    seen = await run(kept, 7)
    newer = await run(kept, 8)
    refused = await kept.rota("baseline", "accept", kept.agent, "--run", seen)
    assert refused.code == ExitCode.FAILED
    assert f"is the result of {newer}, not of {seen}" in refused.err
    taken = await kept.rota("baseline", "accept", kept.agent, "--run", newer, "--json")
    assert taken.json["accepted"]["run"]["id"] == newer


async def test_baseline_that_is_taken_back_falls_to_the_one_before_it(
    kept: FleetOnServer,
) -> None:
    """A wrong acceptance is mended by a word."""
    first = await run(kept, 7)
    await kept.rota("baseline", "accept", kept.agent)
    await run(kept, 8)
    await kept.rota("baseline", "accept", kept.agent)
    none = await kept.rota("baseline", "reject", kept.agent, "--reason", "wrong")
    assert "'reject --baseline' takes the baseline back" in none.err
    back = await kept.rota("baseline", "reject", kept.agent, "--baseline", "--reason", "wrong")
    assert f"of {first}, accepted" in back.out
    assert (await kept.rota("baseline", "show", kept.agent)).json["rows"] == 7


async def test_judgement_that_the_keeper_refuses_is_one_line(kept: FleetOnServer) -> None:
    """A note that is too long is told with its limit."""
    await run(kept, 7)
    ended = await kept.rota("baseline", "accept", kept.agent, "--note", "x" * 1001)
    assert ended.code == ExitCode.FAILED
    assert "the note has 1001 characters, 1000 are kept" in ended.err
