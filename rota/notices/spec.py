"""Whom a declaration tells what: the `notify` of agents, pipelines and teams.

Trusted, as everything in the fleet's files: an address here may be private. Secrets are
references, resolved by the worker that sends.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from rota.model import Declared
from rota.runtime_specs.base import REFERENCE, SecretReference, is_reference

MOST_ADDRESSES = 50
MOST_SECRETS = 5
HOOK_URL = r"https?://[^\s/?#@\\]+([/?][^\s#\\]*)?"
_ADDRESS = r"[^\s@<>,;:\"()\\\[\]]{1,64}@[A-Za-z0-9.-]{1,135}"
"""In all not longer than a name that decides may be: whoever gets a link may decide by it."""


class Occasion(StrEnum):
    """What people may be told of, by the names that `on` uses."""

    FAILED = "failed"
    """A run failed, or its time was up."""
    TIMED_OUT = "timed_out"
    """Its time was up; `failed` tells of that, too."""
    BLOCKED = "blocked"
    """It cannot work until somebody mends something; told once, not once for every slot."""
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    SUCCEEDED = "succeeded"
    PARKED = "parked"
    """It stands still at a limit of its budget."""
    AWAITING_APPROVAL = "awaiting_approval"
    QUESTION = "question"
    """A tool, or what works at a provider, asks a person."""
    EFFECT_UNKNOWN = "effect_unknown"
    """Nobody knows whether a tool call took effect; the run waits for who does."""
    BUDGET_SOFT = "budget_soft"
    """A soft limit is reached; told once for each window."""
    MISSED = "missed"
    """A slot has come, and nothing ran for it; this and all below are the Watchdog's."""
    LATE = "late"
    """A slot's run has not begun in the time that `sla` gives it."""
    OVERDUE = "overdue"
    """A run goes on after it was to be done, by `sla`."""
    STUCK = "stuck"
    """Nothing has happened in a run for long, and it waits for nobody."""
    WEDGED = "wedged"
    """A run's workflow tasks fail: it stands still until its code is mended."""
    UNSERVED = "unserved"
    """No worker serves a task queue that runs are on."""
    SCHEDULE_CHANGED = "schedule_changed"
    """A schedule was paused or deleted, or has come to its end."""
    ODD = "odd"
    """A run succeeded, and is unlike those of its agent before it."""
    SILENT = "silent"
    """Nothing begins in the whole fleet, though something was expected."""
    ARCHIVE_LAG = "archive_lag"
    """Closed runs are not put away in time."""
    AUDIT_BROKEN = "audit_broken"
    """What was put away does not verify: it was changed, or is gone."""


WAITING_FOR_PEOPLE = (
    Occasion.PARKED,
    Occasion.AWAITING_APPROVAL,
    Occasion.QUESTION,
    Occasion.EFFECT_UNKNOWN,
)
WATCHED = (
    Occasion.MISSED,
    Occasion.LATE,
    Occasion.OVERDUE,
    Occasion.STUCK,
    Occasion.WEDGED,
    Occasion.UNSERVED,
    Occasion.SCHEDULE_CHANGED,
    Occasion.ODD,
    Occasion.SILENT,
    Occasion.ARCHIVE_LAG,
    Occasion.AUDIT_BROKEN,
)
"""What the Watchdog tells of: once when it is found, once when it is over."""
_ORDINARY = (Occasion.FAILED, Occasion.BLOCKED, *WAITING_FOR_PEOPLE)


def _url(value: str) -> str:
    # The value stays out of the message: it may hold a password.
    if not is_reference(value) and not re.fullmatch(HOOK_URL, value):
        raise ValueError(
            "write a URL such as https://host/path without a user, or env:NAME or file:/path of "
            "a secret that holds it"
        )
    return value


def _address(value: str) -> str:
    if not re.fullmatch(_ADDRESS, value):
        raise ValueError(f"'{value[:80]}' is not an address; write for example team@example.com")
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


HookUrl = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "pattern": f"^({REFERENCE}|{HOOK_URL})$"}),
]
MailAddress = Annotated[
    str,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$"}),
]


class WebhookSpec(Declared):
    """An address of one's own that takes signed messages (Standard Webhooks)."""

    url: HookUrl
    """Or a reference to a secret that holds it."""
    secret: Annotated[
        tuple[SecretReference, ...],
        BeforeValidator(_as_list),
        Field(min_length=1, max_length=MOST_SECRETS),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "pattern": f"^{REFERENCE}$"},
                    {
                        "type": "array",
                        "items": {"type": "string", "pattern": f"^{REFERENCE}$"},
                        "minItems": 1,
                        "maxItems": MOST_SECRETS,
                    },
                ]
            }
        ),
    ]
    """What messages are signed with, `whsec_` and base64. A list signs with each, so that a
    receiver may go from one to the next."""


class NotifySpec(Declared):
    """One of `notify`: what to tell, and where."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"anyOf": [{"required": [key]} for key in ("slack", "webhook", "email")]},
    )

    on: tuple[Occasion, ...] = Field(default=_ORDINARY, min_length=1)
    """What to tell of. By default whatever needs a person."""
    slack: SecretReference | None = None
    """Secret that holds the URL of an incoming webhook: Slack's, or of what understands its
    messages (Mattermost, Discord's /slack, Rocket.Chat)."""
    webhook: WebhookSpec | None = None
    """An address of one's own, and what messages to it are signed with."""
    email: tuple[MailAddress, ...] = Field(default=(), max_length=MOST_ADDRESSES)
    """Who gets mail, by the server that `email` in fleet.yaml names."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.slack is None and self.webhook is None and not self.email:
            raise ValueError("tells nobody; add slack, webhook or email")
        return self

    def wants(self, occasion: Occasion) -> bool:
        """Return True if it tells of `occasion`."""
        late = occasion is Occasion.TIMED_OUT and Occasion.FAILED in self.on
        return late or occasion in self.on


Notify = tuple[NotifySpec, ...]
