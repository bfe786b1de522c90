"""`rota runtimes`: the kinds there are, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.runtimes.kinds import runtime_kinds
from rota.runtimes.kind import Capabilities
from tests.workers.cli.command_line import rota
from workers.cli.exit_codes import ExitCode


async def test_runtimes_lists_every_kind_with_every_promise() -> None:
    """One row per kind, one column per promise."""
    ended = await rota("runtimes")
    assert ended.code == ExitCode.OK
    rows = ended.out.split("\n\n")[0]
    assert all(kind in rows for kind in runtime_kinds())
    heading = " ".join(rows.upper().split())
    assert all(word in heading for name in Capabilities.names() for word in name.upper().split("_"))


@pytest.mark.parametrize("kind", sorted(runtime_kinds()))
async def test_runtimes_of_one_kind_says_what_remains_and_names_every_key(kind: str) -> None:
    """Whoever declares it needs nothing else."""
    ended = await rota("runtimes", kind)
    assert ended.code == ExitCode.OK
    found = runtime_kinds()[kind]
    printed = " ".join(ended.out.split())
    assert found.capabilities.remains in printed
    first_words = [line.split(" ")[0] for line in ended.out.splitlines()]
    aliases = [f.alias or name for name, f in found.settings.model_fields.items()]
    assert [key for key in aliases if key not in first_words] == []


@pytest.mark.parametrize("kind", sorted(runtime_kinds()))
async def test_runtimes_as_json_carries_a_schema_that_editors_can_use(kind: str) -> None:
    """The schema is valid, closed, and says something of every key that is not plain."""
    (document,) = (await rota("runtimes", kind, "--json")).json
    Draft202012Validator.check_schema(document["settings"])
    assert document["settings"]["additionalProperties"] is False
    assert "kind" in document["settings"]["required"]
    assert set(document["capabilities"]) == set(Capabilities.names())


async def test_runtimes_of_an_unknown_kind_names_those_there_are() -> None:
    """A typo is answered with the list, and exit code 4."""
    ended = await rota("runtimes", "bedrok")
    assert ended.code == ExitCode.NOT_FOUND
    assert "unknown runtime 'bedrok'; known: " in ended.err
    assert ended.out == ""


def fleet_in(folder: Path) -> Path:
    """A fleet whose agents use a service, a program, and a model with a fallback."""
    spare = {"kind": "openai", "model": "spare", "base_url": "http://127.0.0.1:9/v1"}
    start = {"url": "http://127.0.0.1:9/jobs"}
    runtimes: dict[str, dict[str, Any]] = {
        "books": {"kind": "http", "mode": "sync", "start": start, "idempotent": True},
        "clerk": {**spare, "model": "main", "queue": "models", "fallback": [spare]},
        "tool": {"kind": "command", "command": ["true"]},
    }
    (folder / "agents").mkdir()
    for name, runtime in runtimes.items():
        # JSON is YAML.
        text = json.dumps({"name": name, "runtime": runtime})
        (folder / "agents" / f"{name}.yaml").write_text(text)
    return folder


async def test_runtimes_of_a_fleet_say_what_its_settings_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worked out for each agent; fallbacks stand below it."""
    monkeypatch.setenv("COLUMNS", "120")
    ended = await rota("runtimes", "--fleet", str(fleet_in(tmp_path)))
    assert ended.code == ExitCode.OK, ended.err
    lines = [line.split() for line in ended.out.splitlines()]
    books = next(words for words in lines if words[:2] == ["books", "http"])
    assert " ".join(books[2:]) == "- - idempotent start, find, reattach"
    assert ["clerk", "openai", "main", "models", "-"] in lines
    assert ["fallback", "1", "openai", "spare", "-", "-"] in lines


async def test_runtimes_as_json_tell_who_uses_them(tmp_path: Path) -> None:
    """By kind, with what some settings add and what these do."""
    ended = await rota("runtimes", "http", "--json", "--fleet", str(fleet_in(tmp_path)))
    (document,) = ended.json
    assert "persons" in document["by_settings"]
    assert document["used_by"] == [
        {
            "agent": "books",
            "fallback": 0,
            "model": None,
            "queue": None,
            "by_settings": ["idempotent_start", "find", "reattach"],
        }
    ]


@pytest.mark.parametrize("columns", ["80", "120"])
async def test_runtimes_fit_into_their_columns_without_a_broken_word(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the crossed table is too wide, each kind lists its promises."""
    monkeypatch.setenv("COLUMNS", columns)
    out = (await rota("runtimes")).out
    assert max(map(len, out.splitlines())) <= int(columns)
    words = set(out.replace(",", " ").split())
    assert {*runtime_kinds(), "session", "model"} <= words
    assert "persons" in out.lower()
    assert ("opt" in words) is (columns == "120")


async def test_promise_by_settings_is_no_plain_no() -> None:
    """Of one kind, in words."""
    out = (await rota("runtimes", "n8n")).out
    line = next(line for line in out.splitlines() if line.startswith("reattach"))
    assert "by settings" in line
