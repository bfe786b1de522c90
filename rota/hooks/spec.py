"""What others may post to the gateway, and how it knows them: webhooks, as they are declared.

Secrets are references, which the gateway alone resolves: a worker needs none of them.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from rota.coordination.spec import Condition
from rota.model import Declared
from rota.runtime_specs.base import SecretReference

MOST_SECRETS = 2
"""The one in use and, while it is being exchanged, the next."""


class Scheme(StrEnum):
    """How a delivery is signed."""

    STANDARD = "standard"
    """As https://www.standardwebhooks.com has it: id, time and body."""
    GITHUB = "github"
    """The body alone, in `X-Hub-Signature-256`."""
    SLACK = "slack"
    """Time and body, in `X-Slack-Signature`."""


class InboundSpec(Declared):
    """Who may post, and what of it counts."""

    scheme: Scheme = Scheme.STANDARD
    """How deliveries are signed."""
    secrets: tuple[SecretReference, ...] = Field(min_length=1, max_length=MOST_SECRETS)
    """Any of them signs: two while one is exchanged for the other."""
    filter: Condition | None = None
    """Take only what this holds for, over `body`, `headers` and `hook`; the rest is answered, and
    nothing comes of it."""
    trusted: bool = False
    """True: nobody outside the team writes any of it. Else what it starts is marked."""
    per_minute: int = Field(default=600, ge=1, le=100_000)
    """Deliveries with a good signature that are taken; the rest is told to come again."""


class HookSpec(InboundSpec):
    """Deliveries that each start a run."""

    input: dict[str, Any] | None = None
    """Input of the run, templates over `body`, `headers` and `hook`. None: `{"hook": {id, event,
    body}}`."""


class TopicHookSpec(InboundSpec):
    """Deliveries that each become an event of a topic."""

    payload: dict[str, Any] | None = None
    """Payload of the event, templates over `body`, `headers` and `hook`. None: the body."""
