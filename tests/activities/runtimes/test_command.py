"""A program is run as declared: its words, its folder, its environment, its answer."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.runtimes.command import CommandRuntime
from activities.secrets import Secrets
from rota.failures import FailureCategory, StepError
from rota.runtime_specs.command import CommandSettings
from rota.runtimes.session import Collected, SessionState
from tests.activities.runtimes.session_requests import Reports, session_request

C = FailureCategory


def settings(program: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """The block for a Python program."""
    words = [sys.executable, "-I", "-c", program, *arguments]
    words[3] = program.replace("{", "{{").replace("}", "}}")
    return {"kind": "command", "command": words, **more}


async def run(block: dict[str, Any], reports: Reports | None = None, **request: Any) -> Collected:
    """Run it to its end."""
    runtime = CommandRuntime(Secrets())
    asked = session_request(block, **request)
    session = await runtime.submit(asked)
    seen = await runtime.observe(session, asked, "", reports or Reports())
    assert seen.state is SessionState.ENDED
    assert seen.final is not None
    return seen.final


async def failure(block: dict[str, Any], **request: Any) -> StepError:
    """The error it ends in."""
    with pytest.raises(StepError) as caught:
        await run(block, **request)
    return caught.value


async def test_observe_answers_with_what_was_written() -> None:
    """Without more said, the result is the text on standard output."""
    final = await run(settings("print('three boxes')"))
    assert final.message.text == "three boxes"
    assert final.usage is None


async def test_observe_keeps_each_template_one_argument(tmp_path: Path) -> None:
    """Spaces, quotes and shell signs in data change nothing about the arguments."""
    data = f"a b; touch {tmp_path}/hacked $(id) 'x'"
    final = await run(
        settings("import sys; print(sys.argv[1:])", "{input.text}", "n={input.n}"),
        input={"text": data, "n": 2},
        fleet=tmp_path,
    )
    assert final.message.text == str([data, "n=2"])
    assert not os.listdir(tmp_path)


async def test_observe_data_that_would_be_an_option_is_refused() -> None:
    """A value cannot turn into an option of the program; behind `--` it may stand."""
    program = "import sys; print(sys.argv[1:])"
    error = await failure(settings(program, "{input.name}"), input={"name": "--delete"})
    assert error.category is C.INVALID_REQUEST
    assert "runtime.command.4" in str(error)
    final = await run(settings(program, "--", "{input.name}"), input={"name": "--delete"})
    assert final.message.text == "['--', '--delete']"


async def test_observe_environment_holds_nothing_else_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker's own keys do not reach the program; declared ones do, resolved."""
    monkeypatch.setenv("WORKER_KEY", "of-the-worker")
    monkeypatch.setenv("CLERK_KEY", "for-the-clerk")
    final = await run(
        settings(
            "import os; print(*sorted(os.environ)); assert os.environ['KEY'] == 'for-the-clerk'",
            env={"KEY": "env:CLERK_KEY", "MODE": "quick"},
        )
    )
    names = set(final.message.text.split()) - {"LC_CTYPE"}  # Python's own, in the C locale
    assert names <= {
        *("PATH", "HOME", "LANG", "KEY", "MODE"),
        *("ROTA_RUN", "ROTA_AGENT", "ROTA_KEY", "ROTA_RESULT"),
    }


async def test_observe_secret_that_is_missing_is_named() -> None:
    """A secret that is not there stops the start, by its reference."""
    error = await failure(settings("print(1)", env={"KEY": "env:NOT_THERE_AT_ALL"}))
    assert error.category is C.AUTH
    assert "runtime.env.KEY: secret env:NOT_THERE_AT_ALL" in str(error)


async def test_observe_secret_in_output_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program complains and reports shows no secret that it was given."""
    monkeypatch.setenv("CLERK_KEY", "for-the-clerk")
    program = "import os, sys; sys.exit('bad key ' + os.environ['KEY'])"
    reports = Reports()
    runtime = CommandRuntime(Secrets())
    asked = session_request(settings(program, env={"KEY": "env:CLERK_KEY"}))
    with pytest.raises(StepError) as caught:
        await runtime.observe(await runtime.submit(asked), asked, "", reports)
    assert caught.value.category is C.TOOL_FAILED
    assert "exit code 1; bad key [redacted]" in str(caught.value)
    assert reports.texts == ["bad key [redacted]"]


@pytest.mark.parametrize("how", ["stdin", "file"])
async def test_observe_gives_the_task_as_json(how: str) -> None:
    """The whole task is on standard input, or in the file that ROTA_INPUT names."""
    source = "sys.stdin" if how == "stdin" else "open(os.environ['ROTA_INPUT'])"
    program = f"import json, os, sys; d = json.load({source}); print(d['task'], d['input'])"
    final = await run(settings(program, input=how), input={"account": "B"})
    assert final.message.text == "Count the boxes. {'account': 'B'}"


async def test_observe_gives_a_prompt_where_one_is_declared() -> None:
    """`stdin` replaces the JSON, for programs that read words."""
    program = "import sys; print(sys.stdin.read().upper())"
    final = await run(settings(program, stdin="{instructions} {task}"))
    assert final.message.text == "BE BRIEF. COUNT THE BOXES."


async def test_observe_program_that_does_not_read_ends_well() -> None:
    """A program may end without reading megabytes of input."""
    final = await run(settings("print('done')"), input={"text": "x" * 3_000_000})
    assert final.message.text == "done"


async def test_observe_reads_result_and_cost_from_json() -> None:
    """A CLI agent's JSON gives the result, its tokens and its cost exactly."""
    program = (
        'print(\'starting\'); print(\'{"result": "ok", "total_cost_usd": 0.0123, '
        '"usage": {"input_tokens": 7, "output_tokens": 3}}\')'
    )
    answer = {
        "result": "result",
        "cost_usd": "total_cost_usd",
        "input_tokens": "usage.input_tokens",
        "output_tokens": "usage.output_tokens",
    }
    final = await run(settings(program, output="json", answer=answer))
    assert final.message.text == "ok"
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (7, 3)
    assert final.usage.cost_micros == 12_300


async def test_observe_result_file_wins_over_output() -> None:
    """A program that talks on standard output may leave its result in a file."""
    program = "import os; print('blah'); open(os.environ['ROTA_RESULT'], 'w').write('[1, 2]')"
    final = await run(settings(program, output="json"))
    assert final.message.text == "[1, 2]"


async def test_observe_files_may_be_named_in_arguments() -> None:
    """A program that takes files as options needs nobody to wrap it."""
    program = (
        "import json, sys; task = json.load(open(sys.argv[1])); "
        "open(sys.argv[2], 'w').write(task['task'])"
    )
    final = await run(settings(program, "{input_file}", "{result_file}", input="file"))
    assert final.message.text == "Count the boxes."


@pytest.mark.parametrize(
    ("program", "more", "category", "words"),
    [
        ("print('no json')", {"output": "json"}, C.OUTCOME_INVALID, "ends with: no json"),
        (
            "print('{\"a\": 1}')",
            {"output": "json", "answer": {"result": "b.c"}},
            C.OUTCOME_INVALID,
            "nothing at 'b.c' (runtime.answer.result); it has a",
        ),
        (
            'print(\'{"result": "no credit", "is_error": true}\')',
            {"output": "json", "answer": {"result": "result", "error": "is_error"}},
            C.TOOL_FAILED,
            "the program failed: no credit",
        ),
        ("print('x' * 5000)", {"max_output": 1024}, C.OUTCOME_INVALID, "runtime.max_output"),
        ("import sys; sys.exit(3)", {}, C.TOOL_FAILED, "exit code 3; it wrote nothing"),
        ("import sys; print('no credit'); sys.exit(1)", {}, C.TOOL_FAILED, "code 1; no credit"),
        ("import os; os.kill(os.getpid(), 9)", {}, C.TOOL_FAILED, "ended by signal 9"),
    ],
)
async def test_observe_failure_says_what_happened(
    program: str, more: dict[str, Any], category: FailureCategory, words: str
) -> None:
    """Each way of going wrong has its category, and names the setting that mends it."""
    error = await failure(settings(program, **more))
    assert error.category is category
    assert words in str(error)


async def test_observe_unknown_program_is_named() -> None:
    """A program that is not installed is a mistake of the declaration or the worker."""
    error = await failure({"kind": "command", "command": ["no-such-program-anywhere"]})
    assert error.category is C.INVALID_REQUEST
    assert "'no-such-program-anywhere' cannot be started on this worker: No such file" in str(error)


async def test_observe_folder_outside_the_fleet_is_refused(tmp_path: Path) -> None:
    """A link inside the fleet does not lead the program out of it."""
    (tmp_path / "out").symlink_to("/")
    error = await failure(settings("print(1)", cwd="out"), fleet=tmp_path)
    assert error.category is C.INVALID_REQUEST
    assert str(error).startswith("runtime.cwd")


async def test_observe_runs_in_the_declared_folder(tmp_path: Path) -> None:
    """Relative paths start in the folder of the fleet that is declared."""
    (tmp_path / "work").mkdir()
    final = await run(settings("import os; print(os.getcwd())", cwd="work"), fleet=tmp_path)
    assert final.message.text == str((tmp_path / "work").resolve())


async def test_observe_reports_lines_of_progress() -> None:
    """Lines on standard error are progress; standard output stays the answer."""
    reports = Reports()
    program = "import sys; print('1 of 2', file=sys.stderr); print('ok')"
    final = await run(settings(program), reports)
    assert (reports.texts, final.message.text) == (["1 of 2"], "ok")


async def test_observe_reports_marked_lines_only() -> None:
    """With a marker, marked lines of either stream are progress and no part of the answer."""
    reports = Reports()
    program = "import sys; print('@ one'); print('ok'); print('warning', file=sys.stderr)"
    final = await run(settings(program, progress="@"), reports)
    assert (reports.texts, final.message.text) == (["one"], "ok")


@pytest.mark.parametrize(
    "wrong",
    [
        {"command": []},
        {"command": ["{input.program}"]},
        {"command": ["echo", "{secrets.x}"]},
        {"command": ["echo", "{"]},
        {"command": ["echo"], "cwd": "../other"},
        {"command": ["echo"], "cwd": "/etc"},
        {"command": ["echo"], "env": {"A=B": "1"}},
        {"command": "echo hi"},
        {"command": ["echo"], "answer": {"result": "text"}},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    """`rota validate` refuses what could not run, or would leave the fleet."""
    with pytest.raises(ValueError, match="validation error"):
        CommandSettings.model_validate(wrong)


async def test_probe_says_whether_the_program_is_there() -> None:
    """A look finds the program without starting it."""
    runtime = CommandRuntime(Secrets())
    found = await runtime.probe(CommandSettings(command=("sh",)))
    missing = await runtime.probe(CommandSettings(command=("no-such-program-anywhere",)))
    assert (found.ok, missing.ok) == (True, False)
    assert "runtime.command" in missing.cure


@pytest.mark.parametrize("path", ["env:TOOLS", "bin", "/usr/bin:", ".:/usr/bin"])
async def test_look_finds_a_program_wherever_a_run_may_find_it(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a path that is a reference, or in folders that are known when it runs."""
    monkeypatch.setenv("TOOLS", str(tmp_path))
    tool = tmp_path / "count-boxes"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    declared = CommandSettings(command=("count-boxes",), env={"PATH": path})
    assert "count-boxes" in await CommandRuntime(Secrets()).look(declared)


async def test_look_misses_a_program_that_no_run_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the path that the program gets, not on the worker's own."""
    monkeypatch.setenv("TOOLS", str(tmp_path))
    declared = CommandSettings(command=("sh",), env={"PATH": "env:TOOLS"})
    with pytest.raises(StepError, match="no program 'sh' on PATH"):
        await CommandRuntime(Secrets()).look(declared)
