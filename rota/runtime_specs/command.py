"""`kind: command`: a local program, such as the command line of a coding agent."""

from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rota.language.durations import Duration
from rota.language.templates import TemplateError, paths
from rota.runtime_specs.answer_paths import AnswerPaths
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape

SCOPE = (
    *("input", "memory", "baseline", "covers", "slot", "run", "tainted"),
    *("task", "instructions", "key", "result_file", "input_file"),
)
"""What templates of `command` and `stdin` may name: the run's own values, the `task` in
words, the agent's `instructions`, the idempotency `key`, and the paths of the files that
ROTA_RESULT and ROTA_INPUT name, for programs that take them as arguments."""


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if paths(words[0]) or not words[0]:
        raise ValueError("the program must be named as it is: no template, not empty")
    _known(*words)
    return words


def _text(template: str) -> str:
    _known(template)
    return template


def _known(*templates: str) -> None:
    try:
        named = {path.partition(".")[0] for template in templates for path in paths(template)}
    except TemplateError as error:
        raise ValueError(str(error)) from error
    if unknown := sorted(named - set(SCOPE)):
        raise ValueError(f"no '{unknown[0]}' here; a template may name {', '.join(SCOPE)}")


def _inside(folder: str) -> str:
    path = PurePath(folder)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("write a folder inside the fleet, relative to it")
    return folder


class CommandSettings(SessionSettings):
    """`kind: command`: a local program, such as the command line of a coding agent."""

    SECRETS: ClassVar[tuple[str, ...]] = ("env",)

    kind: Literal["command"] = "command"
    command: Annotated[tuple[str, ...], AfterValidator(_command)] = Field(min_length=1)
    """The program and its arguments. There is no shell: each stays one argument, whatever a
    template in it gives."""
    cwd: Annotated[str, AfterValidator(_inside)] = "."
    """Folder it runs in, inside the fleet's."""
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(
        default_factory=dict[str, str]
    )
    """Its environment beside PATH, HOME, LANG and Rota's own names: values, or references to
    secrets (`env:NAME`, `file:/path`). Nothing else of the worker's reaches it."""
    input: Literal["stdin", "file", "none"] = "stdin"
    """How it gets the task as JSON: on standard input, or in the file that ROTA_INPUT names."""
    stdin: Annotated[str, AfterValidator(_text)] | None = None
    """A template of what stands on standard input instead of the JSON: `{task}`."""
    output: Literal["text", "json"] = "text"
    """What it writes to standard output, or to the file that ROTA_RESULT names if it writes
    there: the result as text, or JSON (the whole of it, or else its last line)."""
    answer: AnswerPaths = Field(default_factory=AnswerPaths)
    """With `output: json`: where the result and what it cost stand."""
    progress: str = ""
    """Beginning of the lines, on either stream, that tell of progress; they are no part of
    the output. Empty: each line on standard error does."""
    max_output: int = Field(default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Bytes it may answer."""
    grace: Duration = Field(default=timedelta(seconds=3), ge=timedelta(0), le=timedelta(minutes=2))
    """Time between asking it to end and killing it."""
    repeatable: bool = False
    """It is safe to run again after its worker was lost in the middle."""

    @model_validator(mode="after")
    def _reads_what_is_declared(self) -> Self:
        if self.output == "text" and self.answer != AnswerPaths():
            raise ValueError("answer names places in JSON: write output: json, or leave it out")
        return self

    @property
    def account(self) -> str:
        """Nobody's: how one program ends says nothing of another."""
        return ""

    @property
    def is_one_call(self) -> bool:
        """Watching runs the program."""
        return True


def _promised(settings: CommandSettings) -> Capabilities:
    json = settings.output == "json"
    return _capabilities(
        usage=json and settings.answer.tells_usage, cost=json and settings.answer.tells_cost
    )


def _capabilities(*, usage: bool, cost: bool) -> Capabilities:
    return Capabilities(
        find=True,  # by a name that follows from the run: watching runs the program
        stream=True,
        cancel=True,
        confirm_cancel=True,
        usage=usage,
        cost=cost,
        remains="it dies with its worker: what it did until then is unknown, and it runs again "
        "only if `repeatable`; a worker cut off from the server goes on with it up to the "
        "run's limit",
    )


KIND = RuntimeKind(
    kind="command",
    shape=Shape.SESSION,
    summary="a local program or CLI agent",
    settings=CommandSettings,
    capabilities=_capabilities(usage=False, cost=False),
    implementation="activities.runtimes.command:CommandRuntime",
    promised=_promised,
    by_settings=("usage", "cost"),
)
