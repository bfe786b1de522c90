"""Requests as the kind `http` declares them: where they go, what they carry.

A declared address is trusted, so nothing of a run may change where it leads: templates
stand behind the host only. One address may come from the service itself, as a whole; it is
then held to the rules for addresses from outside.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from rota.language.templates import TemplateError, paths
from rota.model import Declared
from rota.runtime_specs.answer_paths import JsonPath
from rota.security.egress import parse_target

RUN_SCOPE = (
    *("input", "memory", "baseline", "covers", "slot", "run", "tainted"),
    *("task", "instructions", "key", "callback"),
)
"""What `start` may name: the run's own values, the `task` in words, the agent's
`instructions`, the idempotency `key`, and the URL of the `callback`."""
SESSION_SCOPE = ("session",)
"""What later requests may name: what was kept of the answer to `start`."""
SECRET_SCOPE = ("secret",)
"""What headers may name besides: the secrets of `runtime.secrets`."""

FROM_ANSWER = re.compile(r"\{session\.[\w-]+\}")
"""An address that the service gave, whole."""


def names_in(*templates: Any) -> set[str]:
    """Return the first part of every path that the templates name.

    Raises:
        ValueError: one is malformed.
    """
    try:
        return {path.partition(".")[0] for template in templates for path in paths(template)}
    except TemplateError as error:
        raise ValueError(str(error)) from error


def _address(url: str) -> str:
    if FROM_ANSWER.fullmatch(url):
        return url
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "{" in scheme + host:
        raise ValueError(
            "a template cannot name the host: write it out, and templates behind it; an "
            "address that the service gives is written {session.name}, alone"
        )
    names_in(url)
    parse_target(f"{scheme}://{host}")
    return url


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
Address = Annotated[str, AfterValidator(_address), Field(max_length=4000)]
"""A URL; templates behind the host are percent-encoded."""


class Request(Declared):
    """One request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Address
    headers: dict[HeaderName, str] = Field(default_factory=dict[str, str])
    """Beside `runtime.headers`, in the same form."""
    body: Any = None
    """JSON with templates."""

    @property
    def is_from_answer(self) -> bool:
        """The service gives the address."""
        return FROM_ANSWER.fullmatch(self.url) is not None


class StartRequest(Request):
    """The request that begins the work."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: Any = None
    """None: the whole task as JSON: `task`, `instructions`, `input`, `memory`, `slot`, `run`,
    `key`, `output_schema`, and `callback` in that mode. Not sent with GET."""


class StatusRequest(Request):
    """The request that asks how far the work is, and how its answer is read.

    A state that is in none of the lists means that it still works, unless `running` lists
    those that do.
    """

    state: JsonPath | None = None
    """Where the state stands. None: the HTTP status tells, 202 for work that goes on."""
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    """It was cancelled."""
    waiting: tuple[str, ...] = ()
    """It waits for a person."""
    running: tuple[str, ...] = ()
    progress: JsonPath | None = None
    """What changes while it works, and is shown to people."""
