"""`kind: agentcore`: an agent of your own on AgentCore Runtime, or AgentCore's harness."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rota.language.durations import Duration
from rota.language.forms import Form
from rota.language.templates import TemplateError, paths
from rota.runtime_specs.answer_paths import AnswerPaths
from rota.runtime_specs.aws_account import AwsSettings
from rota.runtime_specs.base import SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape

SCOPE = (
    *("input", "memory", "baseline", "covers", "slot", "run", "tainted"),
    *("task", "instructions", "key"),
)
"""What templates of `payload` may name: the run's own values, the `task` in words, the
agent's `instructions`, and the idempotency `key`."""

_PREFIX = r"^arn:[^:]+:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:"
_RUNTIME_ARN = _PREFIX + r"runtime/[A-Za-z][A-Za-z0-9_-]*$"
_HARNESS_ARN = _PREFIX + r"harness/[A-Za-z][A-Za-z0-9_]{0,39}-[A-Za-z0-9]{10}$"

_ARN = f"{_RUNTIME_ARN}|{_HARNESS_ARN}"

_START = "arn:aws:bedrock-agentcore:REGION:ACCOUNT"
_RUNTIME_WANTED = f"write the ARN of a runtime, {_START}:runtime/NAME"
_ARN_WANTED = f"{_RUNTIME_WANTED}, or of a harness, {_START}:harness/NAME"
_QUALIFIER_WANTED = "write the name of an endpoint: a letter, then letters, digits and _"

_OF_RUNTIME = ("payload", "answer")
_OF_HARNESS = (
    "model",
    "max_iterations",
    "max_output_tokens",
    "limit",
    "allowed_tools",
    "actor",
    "runtime_arn",
)
"""Keys that only one mode knows."""


def _payload(payload: dict[str, Any]) -> dict[str, Any]:
    try:
        named = {path.partition(".")[0] for path in paths(payload)}
    except TemplateError as error:
        raise ValueError(str(error)) from error
    if unknown := sorted(named - set(SCOPE)):
        raise ValueError(f"no '{unknown[0]}' here; a template may name {', '.join(SCOPE)}")
    return payload


class AgentCoreSettings(AwsSettings, SessionSettings):
    """`kind: agentcore`: an agent of your own on AgentCore Runtime, or AgentCore's harness."""

    kind: Literal["agentcore"] = "agentcore"
    mode: Literal["runtime", "harness"] = "runtime"
    """`runtime`: your own agent in its container, which takes and gives what it likes.
    `harness`: AgentCore's agent loop, which calls this agent's tools here."""
    arn: Annotated[str, Form(_ARN, _ARN_WANTED)]
    """Of the runtime or the harness."""
    qualifier: Annotated[str, Form(r"^[A-Za-z][A-Za-z0-9_]{0,47}$", _QUALIFIER_WANTED)] | None = (
        None
    )
    """The endpoint, that is the version in use; None: DEFAULT."""
    repeatable: bool = False
    """The agent does the work of one idempotency key once, or the work may be done twice: it
    is called again after the worker that listened was lost."""
    payload: Annotated[dict[str, Any], AfterValidator(_payload)] | None = None
    """`mode: runtime`: the JSON that the agent takes, with templates (`{input.account}`).
    None: `prompt` in words, `input`, `memory`, `slot` and `idempotency_key`."""
    answer: AnswerPaths = Field(default_factory=AnswerPaths)
    """`mode: runtime`: where the result stands in the JSON that it gives."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """`mode: harness`: a Bedrock model that takes the place of the harness's own. Without it
    nobody tells which model answered, so its tokens are counted but unpriced."""
    max_iterations: int | None = Field(default=None, ge=1)
    """`mode: harness`: most rounds of the loop."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """`mode: harness`: most tokens of one round."""
    limit: Duration | None = Field(default=None, ge=timedelta(seconds=1))
    """`mode: harness`: longest time the loop may take, as the harness enforces it."""
    allowed_tools: tuple[str, ...] | None = None
    """`mode: harness`: which of its own tools it may call (`shell`, `@git/*`); this agent's
    are always allowed. None: all."""
    actor: Annotated[str, Field(min_length=1)] | None = None
    """`mode: harness`: whose memory it uses."""
    runtime_arn: Annotated[str, Form(_RUNTIME_ARN, _RUNTIME_WANTED)] | None = None
    """`mode: harness`: the runtime that the harness runs on, as GetHarness tells it
    (`environment`). With it the session is stopped after its work; without it the session
    idles, and bills, until its own timeout."""

    @property
    def is_one_call(self) -> bool:
        """The answer to the call is the result."""
        return True

    @property
    def stops(self) -> str | None:
        """ARN of the runtime whose session can be stopped, if one is known."""
        return self.arn if self.mode == "runtime" else self.runtime_arn

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        if f":{self.mode}/" not in self.arn:
            raise ValueError(f"arn is not that of a {self.mode}; set mode to match it")
        other = "harness" if self.mode == "runtime" else "runtime"
        for key in _OF_HARNESS if self.mode == "runtime" else _OF_RUNTIME:
            if getattr(self, key) != type(self).model_fields[key].get_default(
                call_default_factory=True
            ):
                raise ValueError(f"{key} is for mode: {other}")
        return self


def _promised(settings: AgentCoreSettings) -> Capabilities:
    if settings.mode == "harness":
        stops = settings.stops is not None
        return _capabilities(tools=True, usage=True, cost=False, confirm_cancel=stops)
    return _capabilities(
        tools=False,
        usage=settings.answer.tells_usage,
        cost=settings.answer.tells_cost,
        confirm_cancel=True,
    )


def _capabilities(*, tools: bool, usage: bool, cost: bool, confirm_cancel: bool) -> Capabilities:
    return Capabilities(
        find=True,
        stream=True,
        tools=tools,
        cancel=True,
        confirm_cancel=confirm_cancel,
        usage=usage,
        cost=cost,
        remains="nobody can be asked for an answer that was lost: it is outcome_unknown, or "
        "asked again if `repeatable`; a container that ignores its stop goes on up to its "
        "session's longest life",
    )


KIND = RuntimeKind(
    kind="agentcore",
    shape=Shape.SESSION,
    summary="boto3, AgentCore Runtime and harness",
    settings=AgentCoreSettings,
    capabilities=_capabilities(tools=False, usage=False, cost=False, confirm_cancel=False),
    implementation="activities.runtimes.agentcore:AgentCoreRuntime",
    priced_as="aws",
    promised=_promised,
    by_settings=("tools", "confirm_cancel", "usage", "cost"),
)
