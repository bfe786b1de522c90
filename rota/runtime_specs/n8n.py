"""`kind: n8n`: a workflow of an n8n instance, started by its production webhook.

What the workflow needs: a Webhook node (POST) that answers by a *Respond to Webhook* node
placed first, whose body gives `{"executionId": "{{ $execution.id }}"}`; and saved executions
(workflow settings). Without an API key it is the other way round: the webhook's answer is the
result, so the Respond node stands last.
"""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rota.language.durations import Duration
from rota.language.forms import Form
from rota.runtime_specs.answer_paths import AnswerPaths, JsonPath
from rota.runtime_specs.base import CalledBy, SecretReference, SessionSettings
from rota.runtime_specs.http_requests import RUN_SCOPE, HeaderName, names_in
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape
from rota.security.egress import parse_target

CALLBACK = "callback"
SCOPE = tuple(name for name in RUN_SCOPE if name != CALLBACK)
"""What templates in `body` may name; with `callback`, that address as well."""

_WORKFLOW = "write the workflow's id, as it stands in the address of its editor"


def _plain(url: str) -> str:
    if "{" in url:
        raise ValueError("write the whole address; templates go into 'body'")
    parse_target(url)
    return url


def _webhook(url: str) -> str:
    if "/webhook-test/" in url:
        raise ValueError(
            "this is the test address, which works only while somebody looks at the editor; "
            "take the Production URL of the Webhook node"
        )
    return _plain(url)


class N8nSettings(SessionSettings):
    """`kind: n8n`: a workflow of an n8n instance, started by its production webhook."""

    SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "headers")

    kind: Literal["n8n"] = "n8n"
    webhook: Annotated[str, AfterValidator(_webhook)]
    """Production URL of the workflow's Webhook node; it takes POST."""
    headers: dict[HeaderName, str] = Field(default_factory=dict[str, str])
    """Of the webhook's request, for its authentication: values or references to secrets."""
    body: Any = None
    """JSON with templates. None: `task`, `instructions`, `input`, `memory`, `slot`, `run`,
    `output_schema`. `rota_key`, which executions are found by, is added to an object, and so is
    `rota_callback` if it calls back."""
    api_key: SecretReference | None = None
    """Reference to an API key with the scopes execution:list, execution:read and
    execution:stop. None: the webhook's own answer is the result, and nothing is watched."""
    base_url: Annotated[str, AfterValidator(_plain)] | None = None
    """Where the instance is. None: what stands before `/webhook/` in the webhook."""
    workflow: Annotated[str, Form(r"^[A-Za-z0-9_-]+$", _WORKFLOW)] | None = None
    """The workflow's id: looking for an execution then looks at no other workflow."""
    execution: JsonPath = "executionId"
    """Where the webhook's answer has the execution's id. If it has none, the execution is
    looked for by the key."""
    callback: bool = False
    """The workflow posts to the address at `rota_callback` when it is done, or waits: it is asked
    for news then, and else once a minute. Needs workers with a public address for it."""
    node: str | None = None
    """The node whose output is the result. None: the last one that was executed."""
    answer: AnswerPaths = Field(default_factory=AnswerPaths)
    """Where the result and what it cost stand in that output: of one item its JSON, of
    several a list of it. With `api_key: null`, in the webhook's answer."""
    inactivity: Duration = Field(default=timedelta(days=1), gt=timedelta(0))
    """n8n tells no progress, only how an execution stands: so this is the longest time it may
    stand the same. The run's own limit usually ends it before."""
    repeatable: bool = False
    """Without API key: it is safe to call the webhook again after its answer was lost."""
    timeout: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """Longest time for one request; without API key for the work itself."""
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=128 * 1024 * 1024)
    """Bytes one answer may have."""

    @property
    def instance(self) -> str:
        """Address of the instance, without a slash at its end."""
        return (self.base_url or self.webhook.partition("/webhook/")[0]).rstrip("/")

    @property
    def account(self) -> str:
        """The instance, and the key's reference."""
        return " ".join(filter(None, (self.instance, self.api_key)))

    @property
    def is_one_call(self) -> bool:
        """Without API key."""
        return self.api_key is None

    @property
    def callback_key(self) -> str | None:
        """With `callback`."""
        return "callback" if self.callback else None

    @property
    def called_by(self) -> CalledBy | None:
        """With `callback`, by the address."""
        return CalledBy.RUN if self.callback else None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.base_url is None and "/webhook/" not in self.webhook:
            raise ValueError(
                "webhook: no '/webhook/' in it; is it a Production URL? If the instance has "
                "another name for it, set base_url"
            )
        named, known = names_in(self.body), (*SCOPE, *((CALLBACK,) if self.callback else ()))
        if unknown := sorted(named - set(known)):
            raise ValueError(
                f"body: no '{unknown[0]}' here; a template may name {', '.join(known)}"
            )
        if self.callback and self.api_key is None:
            raise ValueError(
                "callback needs api_key: without it the webhook's own answer is the result, and "
                "there is nothing to be told of"
            )
        if self.callback and not isinstance(self.body, dict | None) and CALLBACK not in named:
            raise ValueError(
                "callback needs '{callback}' in body, or a body that is an object: else the "
                "workflow does not know where to call"
            )
        return self


def _promised(settings: N8nSettings) -> Capabilities:
    watched = settings.api_key is not None
    return Capabilities(
        find=True,  # without a key by a name: watching calls the webhook
        reattach=watched,
        stream=watched,
        cancel=watched,
        confirm_cancel=watched,
        persons=watched,
        usage=settings.answer.tells_usage,
        cost=settings.answer.tells_cost,
        remains=_REMAINS,
    )


_REMAINS = (
    "n8n starts a workflow for every call: a call that was lost on the way and arrives after "
    "it was looked for runs twice. With `api_key` it is watched, taken up, stopped and seen to "
    "stop, and waits of persons are told; without, a lost answer is outcome_unknown"
)

KIND = RuntimeKind(
    kind="n8n",
    shape=Shape.SESSION,
    summary="an n8n workflow, by its webhook",
    settings=N8nSettings,
    capabilities=Capabilities(find=True, remains=_REMAINS),
    implementation="activities.runtimes.n8n:N8nRuntime",
    promised=_promised,
    by_settings=("reattach", "stream", "cancel", "confirm_cancel", "usage", "cost", "persons"),
)
