"""MCP servers as `fleet.yaml` declares them: a local program, or an endpoint.

Both are trusted, as everything declared is. Agents name their tools `mcp:<server>/<tool>`.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rota.language.durations import Duration
from rota.model import Declared
from rota.runtime_specs.base import SecretReference, is_reference

LISTING_LIMIT = timedelta(minutes=2)
"""Longest time a server may take to start and list its tools."""
CALL_LIMIT = timedelta(hours=1)
"""Longest time one call may take."""

_SENSITIVE = re.compile(r"authorization|cookie|token|secret|passw|api[-_]?key", re.IGNORECASE)
"""In the name of a variable or header whose value has no place in a file."""


def _endpoint(value: str) -> str:
    # The value stays out of the message: it may hold a password.
    if not re.fullmatch(r"https?://[^\s/?#@\\]+(/[^\s#@\\]*)?", value):
        raise ValueError("write a URL such as https://host/mcp, without a user")
    return value


def _inside(folder: str) -> str:
    path = PurePath(folder)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("write a folder inside the fleet, relative to it")
    return folder


class McpServer(Declared):
    """One of `mcp`: a program to start (`command`) or an endpoint to ask (`url`)."""

    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Program and arguments, each as it is: there is no shell. It speaks MCP on standard input
    and output, is started for each call, and ends with it."""
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(
        default_factory=dict[str, str]
    )
    """The program's environment beside PATH, HOME, LANG and TMPDIR: values, or references to
    secrets (`env:NAME`, `file:/path`). Nothing else of the worker's reaches it."""
    cwd: Annotated[str, AfterValidator(_inside)] = "."
    """Folder the program runs in, inside the fleet's."""
    url: Annotated[str, AfterValidator(_endpoint)] | None = None
    """Of an endpoint that speaks MCP over HTTP (*streamable HTTP*)."""
    token: SecretReference | None = None
    """Sent to the endpoint as `Authorization: Bearer …`."""
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")], str] = Field(
        default_factory=dict[str, str]
    )
    """Further headers: values, or references to secrets."""
    timeout: Duration = Field(default=timedelta(minutes=1), gt=timedelta(0), le=CALL_LIMIT)
    """Longest time one call may take, with the start of the program."""
    list_timeout: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0), le=LISTING_LIMIT)
    """Longest time to start and list its tools, which each run does once."""

    private: bool | None = None
    """What its tools read is not for everybody; no server tells that, so it is no unless said."""
    untrusted: bool | None = None
    """What its tools return may hold the words of others; None: as each tool's `openWorldHint`
    says, and yes where it says nothing."""
    outward: bool | None = None
    """Its tools act outside the team; None: those do that are open to the world, and not
    read-only."""

    pins: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{12,64}$")]] = Field(
        default_factory=dict[str, str]
    )
    """Digest of a tool as somebody has looked at it, by the server's own name of the tool, or the
    first 12 digits or more of it. One that has changed since is not offered: no run begins."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.command) is bool(self.url):
            raise ValueError("give either command (a local program) or url (an endpoint)")
        if self.url is None and (self.token or self.headers):
            raise ValueError("token and headers belong to url; a program gets its secrets in env")
        if self.command == () and (self.env or self.cwd != "."):
            raise ValueError("env and cwd belong to command")
        for place, values in (("env", self.env), ("headers", self.headers)):
            for name, value in values.items():
                if _SENSITIVE.search(name) and not is_reference(value):
                    raise ValueError(
                        f"{place}.{name}: write a reference, env:NAME or file:/path, never the "
                        "secret itself"
                    )
        return self

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reference of every secret it names: `token`, `env.API_KEY`."""
        if self.token is not None:
            yield "token", self.token
        for place, values in (("env", self.env), ("headers", self.headers)):
            for name, value in values.items():
                if is_reference(value):
                    yield f"{place}.{name}", value
