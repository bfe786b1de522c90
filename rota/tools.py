"""How a team gives its agents tools: a typed Python function and a decorator.

    from rota.tools import ToolContext, tool

    @tool(name="ledger.match_batch", effect="idempotent", timeout="2m")
    def match_batch(ctx: ToolContext, account: str, limit: int = 100) -> dict[str, int]:
        '''Match open bank entries of one account with the ledger.'''

The signature becomes the JSON Schema the model sees, the docstring its description.
Functions may be `def` (run in a thread) or `async def`. The context argument is found
by its annotation and never shown to the model.
"""

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from rota.connections import Connections
from rota.conversation import ToolSchema
from rota.language.durations import parse_duration
from rota.tool_signature import check_subset, read_signature
from rota.turns.questions import Question, QuestionAnswer

NAME_PATTERN = r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"


class Effect(StrEnum):
    """What a tool does to the world, which decides whether it may run twice."""

    READ = "read"
    """Changes nothing: repeated freely."""
    IDEMPOTENT = "idempotent"
    """Changes something once per idempotency key: repeated with the same key.

    Even while an earlier attempt still works: one that ran into its timeout goes on in its
    thread, which nothing can stop, and a lost worker may not be dead. So the key has to
    hold under concurrency: by a unique constraint or the provider's own idempotency key,
    not by looking first and writing then.
    """
    WRITE = "write"
    """Changes something each time: never repeated after an unknown outcome."""


class SecretReader(Protocol):
    """Resolves secrets by reference, inside the activity only."""

    def __call__(self, reference: str) -> str:
        """Return the value behind `env:NAME` or `file:/path`.

        Raises:
            LookupError: nothing is there; the message names the reference only.
        """
        ...


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know about the call it serves."""

    idempotency_key: str
    """The same for every attempt of this call, and for the same call in a re-run of
    the same slot: hand it to whatever must happen once."""
    agent: str
    run_id: str
    """Workflow id of the run."""
    slot: datetime | None
    """The nominal time of the run, aware UTC; None without a slot."""
    fleet: Path
    """Folder of the fleet: relative paths in arguments start here."""
    input: Mapping[str, Any]
    """The run's input."""
    heartbeat: Callable[[str], None]
    """Report progress on a long call; the text shows up in the UI."""
    log: logging.Logger
    secrets: SecretReader
    fences: Mapping[str, int] = field(default_factory=dict[str, int])
    """Fencing number of each lock the run holds, by the lock's name. It grows with every
    holder: hand it to what the lock guards, which refuses a smaller one than it has seen, so
    that a run which has lost its lock without knowing can do no harm."""
    connections: Connections = field(default_factory=Connections)
    """What `fleet.yaml` declares; secrets are references, for `secrets` to resolve."""
    answers: tuple[QuestionAnswer, ...] = ()
    """What people have answered to this call's questions so far; see `NeedsAnswer`."""
    state: Any = None
    """What the newest of these questions was asked with."""
    baseline: Any = None
    """The result that was last accepted in the session (`session.baseline`), as JSON; None if
    there is none."""


class NeedsAnswer(Exception):
    """A tool needs a person's answer first. Raise it; the call is made again with that.

    The run waits meanwhile, for days if need be, without spending its time. Whatever the tool
    did before it asked, it does again unless `state` tells it not to.
    """

    def __init__(self, question: Question, state: Any = None) -> None:
        """Ask; `state` is JSON that comes back as `ToolContext.state`."""
        super().__init__(question.text)
        self.question = question
        self.state = state


class ToolError(Exception):
    """A tool's refusal that the model should read and react to: not retried."""


@dataclass(frozen=True)
class Reconciled:
    """What a tool's `reconcile` has found out about a call that was lost sight of."""

    happened: bool | None
    """None: it cannot say. False is believed, and the call made again: say it only if nothing
    of the call can be there, and nothing of it can still come."""
    result: Any = None
    """What the call would have returned, if it happened and that can be told."""


ToolFunction = Callable[..., Any | Awaitable[Any]]
ReconcileFunction = Callable[..., Reconciled | Awaitable[Reconciled]]


@dataclass(frozen=True)
class ToolDefinition:
    """A registered tool: the function and everything derived from its signature."""

    name: str
    effect: Effect
    timeout: timedelta
    function: ToolFunction
    context_parameter: str | None
    arguments: type[BaseModel]
    """Pydantic model of the arguments, unknown ones refused."""
    description: str
    connection: str = ""
    """Key of `fleet.yaml` that must be there for it to work, such as `github`."""
    reconcile: ReconcileFunction | None = None
    """Looks whether a call has taken effect; takes what the function takes, or less."""
    private: bool = False
    """What it reads is not for everybody."""
    untrusted: bool = False
    """What it returns may hold the words of people outside the team."""
    outward: bool = False
    """It acts, or tells something, outside the team."""
    refresh: bool = False
    """A later run calls it again although its receipt is on record; only of an idempotent one."""

    @cached_property
    def schema(self) -> ToolSchema:
        """The tool as a model sees it; made once, every turn sends it."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        return ToolSchema(name=self.name, description=self.description, parameters=parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself: a decorated tool stays testable as plain code."""
        return self.function(*args, **kwargs)


def tool(
    *,
    name: str | None = None,
    effect: Effect | str = Effect.READ,
    timeout: timedelta | str = "1m",
    connection: str = "",
    reconcile: ReconcileFunction | None = None,
    private: bool = False,
    untrusted: bool = False,
    outward: bool = False,
    refresh: bool = False,
) -> Callable[[ToolFunction], ToolDefinition]:
    """Make a tool of a typed function.

    Args:
        name: What agents call it; dots group (`ledger.post`). Default: the function's name.
        effect: `read`, `idempotent` or `write`.
        timeout: Longest time one attempt may take. Nobody waits for it longer, but a plain
            function cannot be stopped: give its own I/O a shorter limit, or it keeps its
            thread and may still have its effect.
        connection: Key of `fleet.yaml` that it works with, such as `github`: an agent that
            lists the tool is refused while the fleet does not declare it.
        reconcile: Called when nobody knows whether a call took effect, with the context (the
            same idempotency key) and the arguments that it names. It changes nothing and
            answers `Reconciled` within ten seconds; an exception counts as "cannot say".
        private: What it reads is not for everybody: customers' records, mail, source code.
        untrusted: What it returns may hold the words of people outside the team: web pages,
            tickets, mail, free text in records. A run that has read such is marked, and so is
            what it leaves in its memory.
        outward: It acts, or tells something, outside the team: sends, publishes, pays. All
            three at one agent is for `rota validate` to warn of, unless a person is asked.
        refresh: A re-run of the slot calls it again, with the same key, instead of taking the
            receipt on record: its answer may be another by now. Only for an `idempotent` tool
            whose key still holds by then, however late that is.

    Raises:
        TypeError: the docstring is missing, or a parameter has no name or type that the
            model could be shown: without them a tool cannot be used well; or `reconcile`
            takes what the tool does not.
        ValueError: the name, effect or timeout is none; or `refresh` is for another effect.
    """

    def decorate(function: ToolFunction) -> ToolDefinition:
        label = name or function.__name__
        description = inspect.getdoc(function)
        if not description:
            raise TypeError(f"tool {label}: add a docstring; it is what the model reads")
        if not re.fullmatch(NAME_PATTERN, label):
            raise ValueError(f"tool {label}: a name is words joined by dots, such as ledger.post")
        if effect not in set(Effect):
            raise ValueError(f"tool {label}: effect is {', '.join(Effect)}, not '{effect}'")
        if refresh and effect != Effect.IDEMPOTENT:
            raise ValueError(
                f"tool {label}: refresh is for effect='idempotent'; a read is called anyway, and "
                "a write that happened never again"
            )
        limit = parse_duration(timeout)
        if not limit:
            raise ValueError(f"tool {label}: a timeout of 0s leaves no time to work")
        context, arguments = read_signature(label, function, ToolContext)
        if reconcile is not None:
            check_subset(label, reconcile, ToolContext, arguments)
        return ToolDefinition(
            name=label,
            effect=Effect(effect),
            timeout=limit,
            function=function,
            context_parameter=context,
            arguments=arguments,
            description=description,
            connection=connection,
            reconcile=reconcile,
            private=private,
            untrusted=untrusted,
            outward=outward,
            refresh=refresh,
        )

    return decorate
