"""What the built-in tools need to know of the outside: the connections of `fleet.yaml`.

Declared once for the fleet and trusted; agents name the tools, and a model never sees more
than a database's name. Secrets are references.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from rota.language.durations import Duration
from rota.mcp_servers import McpServer
from rota.model import Declared
from rota.runtime_specs.base import REFERENCE, BaseUrl, SecretReference, is_reference
from rota.runtimes.allowed_models import ModelsSpec
from rota.security.egress import EgressSpec

ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]

CALL_LIMIT = timedelta(minutes=2)
"""Longest time a connection may give one request: below what its tools have as a whole."""

_SQLITE = "sqlite:///"


def _database(value: str) -> str:
    # The value stays out of the message: it may hold a password.
    if not re.fullmatch(rf"{REFERENCE}|{_SQLITE}[^?]+", value):
        raise ValueError(
            "write env:NAME or file:/path of a secret that holds the URL, or "
            "sqlite:///file.db, a file of the fleet"
        )
    return value


DatabaseUrl = Annotated[
    str,
    AfterValidator(_database),
    WithJsonSchema({"type": "string", "pattern": rf"^({REFERENCE}|{_SQLITE}[^?]+)$"}),
]
_Timeout = Annotated[Duration, Field(gt=timedelta(0), le=CALL_LIMIT)]


class GitHubConnection(Declared):
    """The `github` block."""

    token: SecretReference
    """Of a fine-grained token or an app's installation: issues and pull requests."""
    base_url: BaseUrl = "https://api.github.com"
    """Of an own server: https://host/api/v3."""
    timeout: _Timeout = timedelta(seconds=30)
    """Longest time for one request."""


class JiraConnection(Declared):
    """The `jira` block."""

    base_url: BaseUrl
    """Such as https://example.atlassian.net."""
    user: str = Field(min_length=1)
    """E-mail address that the token belongs to."""
    token: SecretReference
    """An API token of that user."""
    timeout: _Timeout = timedelta(seconds=30)
    """Longest time for one request."""


class SlackConnection(Declared):
    """The `slack` block: a bot's token, or the webhook of one channel."""

    token: SecretReference | None = None
    """Bot token with `chat:write`, and `channels:history` to find what was posted before."""
    webhook: SecretReference | None = None
    """Secret that holds the URL of an incoming webhook."""
    base_url: BaseUrl = "https://slack.com/api"
    """Another one is of use in tests alone."""
    timeout: _Timeout = timedelta(seconds=30)
    """Longest time for one request."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.token is None) is (self.webhook is None):
            raise ValueError("give either token (a bot) or webhook (one channel)")
        return self


class EmailConnection(Declared):
    """The `email` block: the server that takes mail to be delivered."""

    host: str = Field(min_length=1)
    """Of the mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """587 for `starttls`, 465 for `tls`."""
    user: str | None = None
    """Without it, nobody logs in."""
    password: SecretReference | None = None
    """Of that user."""
    sender: str = Field(alias="from", pattern=r"^[^\s@<>,;:\"]+@[^\s@<>,;:\"]+$")
    """Address that mail comes from."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` is for a server on the same machine."""
    to_allow: tuple[str, ...] = ()
    """Who may be written to: addresses, or `@example.com` for a whole domain. Empty: anybody."""
    timeout: _Timeout = timedelta(seconds=30)
    """Longest time for one step of the delivery."""

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.user is None) is not (self.password is None):
            raise ValueError("user and password belong together: give both or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("a password is not sent unencrypted: use security: starttls or tls")
        return self


class DatabaseConnection(Declared):
    """One of `databases`."""

    url: DatabaseUrl
    """Secret that holds a SQLAlchemy URL (postgresql://, sqlite:///), or sqlite:///file.db, a
    file of the fleet. Use a role that may only read."""
    max_rows: int = Field(default=200, ge=1, le=10_000)
    """Rows one query may answer with; the rest is left out, and said to be."""
    timeout: _Timeout = timedelta(seconds=30)
    """Longest time one query may take."""


class Connections(Declared):
    """The connections of a fleet, as its tools get them (`ToolContext.connections`)."""

    egress: EgressSpec = EgressSpec()
    """Where `http.get` may go."""
    github: GitHubConnection | None = None
    """What `github.*` works with."""
    jira: JiraConnection | None = None
    """What `jira.*` works with."""
    slack: SlackConnection | None = None
    """What `slack.*` works with."""
    email: EmailConnection | None = None
    """What `email.send` works with."""
    databases: dict[ConnectionName, DatabaseConnection] = Field(
        default_factory=dict[str, DatabaseConnection]
    )
    """What `sql.query` may read, by the name that a model uses."""
    mcp: dict[ConnectionName, McpServer] = Field(default_factory=dict[str, McpServer])
    """Servers whose tools agents name `mcp:<server>/<tool>`."""
    models: ModelsSpec = ModelsSpec()
    """Which models its agents may use."""

    def declares(self, key: str) -> bool:
        """Return True if there is anything to connect to at `key`, such as `github`."""
        value: object = getattr(self, key, None)
        return bool(value.allow if isinstance(value, (EgressSpec, ModelsSpec)) else value)

    def secret_references(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield the place and the reference of every secret at `key`, such as `github.token`."""
        value: object = getattr(self, key, None)
        if isinstance(value, Declared):
            yield from _references(key, value.model_dump(by_alias=True))
        elif key == "databases":
            for name, item in self.databases.items():
                yield from _references(f"{key}.{name}", item.model_dump())
        elif key == "mcp":
            for name, server in self.mcp.items():
                for place, reference in server.secret_references():
                    yield f"{key}.{name}.{place}", reference


def _references(place: str, block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in block.items():
        if name in _SECRETS and isinstance(value, str) and is_reference(value):
            yield f"{place}.{name}", value


_SECRETS = frozenset({"token", "webhook", "password", "url"})

MENDING = {
    "egress": "add egress.allow: [https://host] with the hosts it may ask",
    "github": "add github: {token: env:GITHUB_TOKEN}",
    "jira": "add jira: {base_url: …, user: …, token: env:JIRA_TOKEN}",
    "slack": "add slack: {token: env:SLACK_TOKEN}",
    "email": "add email: {host: …, from: …}",
    "databases": "add databases: {name: {url: env:DATABASE_URL}}",
}
"""By key of `fleet.yaml`: what to write where it is missing."""


def undeclared(tool: str, key: str) -> str:
    """Say that `tool` has nothing to work with, and what to write."""
    mending = MENDING.get(key, f"add {key}:")
    return f"'{tool}' needs {key} in fleet.yaml; {mending}"
