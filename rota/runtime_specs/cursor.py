"""`kind: cursor`: a Cursor cloud agent, which works on repositories in a machine of its own."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from rota.language.durations import Duration
from rota.model import Declared
from rota.runtime_specs.base import BaseUrl, SecretReference, SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape


class CursorRepository(Declared):
    """A repository that the agent works on."""

    url: str = Field(pattern=r"^https://")
    """Its address, as Cursor's integration knows it."""
    ref: str | None = None
    """Branch, tag or commit to begin from; None: the default branch."""
    pull_request: str | None = None
    """Address of a pull request to work on instead."""


class CursorSettings(SessionSettings):
    """`kind: cursor`: a Cursor cloud agent, which works on repositories in a machine of its own."""

    SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    kind: Literal["cursor"] = "cursor"
    repos: tuple[CursorRepository, ...] = Field(default=(), max_length=20)
    """None: an agent without a repository, which has an empty machine."""
    model: str | None = None
    """As Cursor names it; None: the account's default."""
    mode: Literal["agent", "plan"] = "agent"
    """`plan` writes a plan and changes nothing."""
    auto_pull_request: bool = False
    """Open a pull request when it has finished."""
    work_on_ref: bool = False
    """Push to the branch it began from, instead of a new one."""
    inactivity: Duration = Field(default=timedelta(days=1), gt=timedelta(0))
    """Cursor tells no progress, only how a run stands: so this is the longest time it may stand
    the same. The run's own limit usually ends it before."""
    base_url: BaseUrl = "https://api.cursor.com"
    api_key: SecretReference = "env:CURSOR_API_KEY"
    """Reference to the key of a user or service account, `env:NAME` or `file:/path`."""

    @property
    def account(self) -> str:
        """The key's reference, and the address."""
        return f"{self.api_key} {self.base_url}"


KIND = RuntimeKind(
    kind="cursor",
    shape=Shape.SESSION,
    summary="httpx2, Cursor cloud agents API v1",
    settings=CursorSettings,
    capabilities=Capabilities(
        idempotent_start=True,
        reattach=True,
        converse=True,
        cancel=True,
        confirm_cancel=True,
        usage=True,
        cost=True,
        remains="an agent has its id from Rota and begins once; a later message has only its "
        "idempotency key and a look at the newest run, which a person's own message in between "
        "can deceive; the cost comes some seconds late, and a run is unpriced without it",
    ),
    implementation="activities.runtimes.cursor:CursorRuntime",
)
