"""`rota replay`: from the server and from files, without a worker."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import activities.thinking
import rota.turns.prompt
import workers.replaying.prompts
from activities.tools.fleet import load_tools
from rota.conversation import Message, Text
from tests.replay.test_replay import HISTORIES, MUTATIONS
from tests.workers.cli.command_line import rota as command
from tests.workers.cli.conftest import FleetOnServer
from workers.cli.exit_codes import ExitCode


async def test_replay_tells_a_changed_prompt_as_drift(
    written: FleetOnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the agent's instructions and of the house's own words; the same code says the same."""
    async with written.stack.worker(list(load_tools(written.folder).values())):
        assert (await written.rota("apply")).code == 0
        assert (await written.rota("run", written.agent, "--id", f"{written.agent}-1")).code == 0
    same = await written.rota("replay", "--run", f"{written.agent}-1", "--json")
    assert (same.code, same.json["same"], same.json["histories"]) == (ExitCode.OK, 1, 1), same.err
    assert same.json["replays"][0]["note"] == ""
    exported = tmp_path / "history.json"
    handle = written.stack.client.get_workflow_handle(f"{written.agent}-1")
    exported.write_text((await handle.fetch_history()).to_json())

    prompt = next((written.folder / "prompts").glob("*.md"))
    prompt.write_text(prompt.read_text() + "\nNever say hello twice.\n")
    old = rota.turns.prompt.opening_message

    def opening(*given: Any) -> Message:
        return Message(role="user", content=(Text(text=f"Now: {old(*given).text}"),))

    monkeypatch.setattr(workers.replaying.prompts, "opening_message", opening)
    drift = await written.rota("replay", str(exported), "--json")
    assert (drift.code, drift.json["drift"]) == (ExitCode.OK, 1)
    found = {each["where"]: each for each in drift.json["replays"][0]["drift"]}
    assert found["declaration"]["path"] == "instructions"
    assert found["declaration"]["after"].endswith("Never say hello twice.\n")
    assert found["opening message"]["after"].startswith("Now: ")
    told = await written.rota("replay", "--agent", written.agent, "--fail-on-drift")
    assert told.code == ExitCode.FAILED
    assert "+Never say hello twice." in told.out
    assert activities.thinking.opening_message is old


async def test_replay_of_files_names_the_place_of_a_mutation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 1, the history, the event, what was recorded and what is asked for instead."""
    owner, name, instead, noticed_by = MUTATIONS["tools in sequence"]
    monkeypatch.setattr(owner, name, instead)
    files = [str(HISTORIES / f"{each}.json") for each in (noticed_by, "run-simple")]
    ended = await command("replay", *files, "--fleet", str(tmp_path))
    assert ended.code == ExitCode.FAILED
    assert re.search(r"nondeterministic AgentRun \S+ \(\S+\), \d+ events", ended.out)
    assert "at event 14: recorded activity run_tool" in ended.out
    assert "2 histories: 1 same, 0 drift, 1 nondeterministic" in ended.out


async def test_replay_of_what_is_no_history_is_wrong_usage(tmp_path: Path) -> None:
    """The file is named, and how to write one."""
    (tmp_path / "a.json").write_text(json.dumps({"events": []}))
    for given, told in (("a.json", "not a history"), ("b.json", "No such file")):
        ended = await command("replay", str(tmp_path / given), "--fleet", str(tmp_path))
        assert (ended.code, given in ended.err, told in ended.err) == (ExitCode.WRONG, True, True)
    both = await command("replay", str(tmp_path / "a.json"), "--agent", "report")
    assert both.code == ExitCode.WRONG


async def test_replay_of_a_run_that_is_not_there_is_not_found(written: FleetOnServer) -> None:
    """As of every other command."""
    assert (await written.rota("replay", "--run", "nobody-1")).code == ExitCode.NOT_FOUND
