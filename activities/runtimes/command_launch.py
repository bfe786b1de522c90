"""From an agent's settings and a run to what is started: arguments, environment, input."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rota.failures import FailureCategory, StepError
from rota.language.templates import TemplateError, paths, render
from rota.runtime_specs.command import CommandSettings
from rota.runtimes.session import SessionRequest
from rota.tools import SecretReader

INHERITED = ("PATH", "HOME", "LANG")
"""What a program gets of the worker's environment: enough to find programs, its own files
and credentials, and to know how text is encoded."""


@dataclass(frozen=True)
class Launch:
    """Everything a start needs."""

    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str]
    stdin: bytes
    result: Path
    """Where the program may write its result."""


def launch(
    settings: CommandSettings, request: SessionRequest, folder: Path, resolve: SecretReader
) -> Launch:
    """Work out what to start; writes the task into `folder` if the program reads a file.

    Args:
        settings: The agent's block.
        request: The run.
        folder: An empty folder of this run alone.
        resolve: Reads secrets.

    Raises:
        StepError: `invalid_request`: a template, an argument or the folder cannot be used;
            `auth`: a secret is not there.
    """
    scope = _scope(request)
    task = json.dumps(scope | {"labels": request.labels, "output_schema": request.output_schema})
    scope["result_file"] = str(folder / "result")
    if settings.input == "file":
        scope["input_file"] = str(folder / "input.json")
    env = environment(settings, resolve) | {
        "ROTA_RUN": request.run_id,
        "ROTA_AGENT": request.agent,
        "ROTA_KEY": request.key,
        "ROTA_RESULT": scope["result_file"],
    }
    stdin = b""
    if settings.stdin is not None:
        stdin = _text(_filled(settings.stdin, scope, "runtime.stdin")).encode()
    elif settings.input == "stdin":
        stdin = task.encode()
    if settings.input == "file":
        env["ROTA_INPUT"] = scope["input_file"]
        Path(env["ROTA_INPUT"]).write_text(task, encoding="utf-8")
    return Launch(
        command=_command(settings.command, scope),
        cwd=_folder(settings.cwd, request.fleet),
        env=env,
        stdin=stdin,
        result=folder / "result",
    )


def environment(settings: CommandSettings, resolve: SecretReader) -> dict[str, str]:
    """What a program gets of the worker's environment, and what is declared over it.

    Raises:
        StepError: `auth`: a secret is not there; `invalid_request`: no variable can hold it.
    """
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env.setdefault("LANG", "C.UTF-8")
    references = dict(settings.secret_references())
    for name, value in settings.env.items():
        where = f"env.{name}"
        try:
            env[name] = resolve(references[where]) if where in references else value
        except LookupError as error:
            raise StepError(FailureCategory.AUTH, f"runtime.{where}: {error}") from None
        if "\0" in env[name]:
            raise _unusable(f"runtime.{where}", "the value holds a NUL, which no variable can")
    return env


def _scope(request: SessionRequest) -> dict[str, Any]:
    own = {
        "task": request.opening.text,
        "instructions": request.system,
        "key": request.key,
        "run": request.run_id,
    }
    return own | request.context


def _command(templates: tuple[str, ...], scope: Mapping[str, Any]) -> tuple[str, ...]:
    words = [templates[0]]
    for number, template in enumerate(templates[1:], start=1):
        where = f"runtime.command.{number}"
        word = _text(_filled(template, scope, where))
        begins_with_data = template.startswith("{") and not template.startswith("{{")
        if word.startswith("-") and begins_with_data and paths(template) and "--" not in words:
            raise _unusable(
                where,
                "the run's value begins with '-', which the program would read as an option; "
                "put '--' before this argument, or write it as --name={…}",
            )
        if "\0" in word:
            raise _unusable(where, "the run's value holds a NUL, which no argument can")
        words.append(word)
    return tuple(words)


def _filled(template: str, scope: Mapping[str, Any], where: str) -> Any:
    try:
        return render(template, scope)
    except TemplateError as error:
        raise _unusable(where, str(error)) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _folder(cwd: str, fleet: str) -> Path:
    root = Path(fleet or ".").resolve()
    folder = (root / cwd).resolve()
    if not folder.is_relative_to(root):
        raise _unusable("runtime.cwd", f"{cwd} leads out of the fleet's folder")
    if not folder.is_dir():
        raise _unusable("runtime.cwd", f"{folder} is no folder on this worker")
    return folder


def _unusable(where: str, reason: str) -> StepError:
    return StepError(FailureCategory.INVALID_REQUEST, f"{where}: {reason}")
