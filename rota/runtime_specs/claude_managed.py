"""`kind: claude-managed`: an agent of Claude Managed Agents, which works on its own servers."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from rota.runtime_specs.base import BaseUrl, CalledBy, SecretReference, SessionSettings
from rota.runtimes.kind import Capabilities, RuntimeKind, Shape

TOKEN = "authorization_token"
"""The key of a resource that the API wants a secret for."""

_REFERENCE: TypeAdapter[str] = TypeAdapter(SecretReference)


def _without_tokens(resources: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    for resource in resources:
        if TOKEN in resource:
            _REFERENCE.validate_python(resource[TOKEN])
    return resources


class ClaudeManagedSettings(SessionSettings):
    """`kind: claude-managed`: an agent of Claude Managed Agents, which works on its own servers."""

    SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    kind: Literal["claude-managed"] = "claude-managed"
    agent: str = Field(min_length=1)
    """Id of the managed agent. Its own instructions, model and tools stay; the tools that the
    Rota agent names are added to them for the session."""
    version: int | None = Field(default=None, ge=1)
    """Version of the managed agent; None: the newest one when a run starts."""
    environment: str = Field(min_length=1)
    """Id of the environment it works in."""
    vaults: tuple[str, ...] = ()
    """Ids of vaults with the credentials it may use."""
    resources: Annotated[tuple[dict[str, Any], ...], AfterValidator(_without_tokens)] = ()
    """What is mounted into its environment (files, repositories, memory stores), in the words
    of the API, but for the `authorization_token` of a repository: that is a reference."""
    title: str | None = Field(default=None, max_length=200)
    """Title of the session; None: the agent's name and the run's id."""
    confirm: Literal["allow", "deny", "ask"] = "deny"
    """What becomes of a tool of its own that it may only use with a confirmation: `ask` makes
    the run wait for a person."""
    callback: bool = False
    """The workspace's webhook posts to the gateway when a session has stopped: it is asked for news
    then, and else once a minute. Needs `gateway.callbacks` in fleet.yaml."""
    base_url: BaseUrl | None = None
    """None: the environment variable ANTHROPIC_BASE_URL, or else the public API."""
    api_key: SecretReference = "env:ANTHROPIC_API_KEY"
    """Reference to the key, `env:NAME` or `file:/path`; never the key itself."""

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """Yield the key's reference, and those of the resources."""
        yield from super().secret_references()
        for number, resource in enumerate(self.resources):
            if TOKEN in resource:
                yield f"resources.{number}.{TOKEN}", resource[TOKEN]

    @property
    def called_by(self) -> CalledBy | None:
        """With `callback`, by the session's id."""
        return CalledBy.SESSION if self.callback else None

    @property
    def account(self) -> str:
        """The key's reference, and the address if it is not the public API."""
        return " ".join(filter(None, (self.api_key, self.base_url)))


KIND = RuntimeKind(
    kind="claude-managed",
    shape=Shape.SESSION,
    summary="anthropic SDK, Managed Agents: sessions and events",
    settings=ClaudeManagedSettings,
    capabilities=Capabilities(
        find=True,
        reattach=True,
        stream=True,
        tools=True,
        converse=True,
        budget=True,
        cancel=True,
        confirm_cancel=True,
        usage=True,
        cost=True,
        persons=True,
        remains="a start whose answer was lost may leave an empty session, which costs nothing "
        "and is archived when found; the budget counts in cents, so a cap is rounded up to one",
    ),
    implementation="activities.runtimes.claude_managed:ClaudeManagedRuntime",
    priced_as="anthropic",
)
