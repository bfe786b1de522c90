"""The `approvals` block of an agent: which tool calls a person decides on first, as declared.

Keys name tools, one (`ledger.post`) or all that begin alike (`github.*`). The exact name wins
over a pattern, a longer pattern over a shorter one; what no key names needs no approval.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rota.approvals.business_hours import BusinessHours
from rota.language.conditions import condition_paths
from rota.language.durations import Duration, format_duration
from rota.model import Declared
from rota.notices.spec import Notify

ALWAYS = "always"
NEVER = "never"
MOST_WEEKS = 52
LONGEST_TIMEOUT = timedelta(days=366)
KEY_PATTERN = r"^([^\s*]+\*?|\*)$"


class Undecided(StrEnum):
    """What becomes of a call that nobody has decided on in time."""

    DENY = "deny"
    """The model reads that nobody allowed it, and goes on."""
    PARK = "park"
    """It waits on, parked, until somebody decides or `budget.park_for` is over."""
    FAIL = "fail"
    """The run fails."""
    APPROVE_IF_READ_ONLY = "approve_if_read_only"
    """It is made if the tool's effect is `read`, and else denied."""


def _when(value: str) -> str:
    if value in (ALWAYS, NEVER):
        return value
    for path in sorted(condition_paths(value)):
        if path.split(".")[0] != "args":
            raise ValueError(
                f"{path}: a condition of an approval is over the call's arguments; write "
                f"args.{path}, or say always or never"
            )
    return value


class Escalation(Declared):
    """Somebody else is told when nobody has decided."""

    after: Duration = Field(gt=timedelta(0))
    """Counted like the timeout, so within `hours` if there are any."""
    notify: Notify = ()
    """Whom to tell; nobody named: those that the agent's own `notify` names, once more."""


class ApprovalRule(Declared):
    """When a call needs a person's decision, and how long that may take."""

    when: Annotated[str, AfterValidator(_when)] = ALWAYS
    """`always`, `never`, or a condition over the call's arguments such as
    `args.amount > 1000`; where it cannot be told (an argument is not there, or is of another
    kind), a person is asked."""
    timeout: Duration = Field(default=timedelta(hours=24), gt=timedelta(0), le=LONGEST_TIMEOUT)
    otherwise: Undecided = Undecided.DENY
    four_eyes: bool = False
    """Whoever asked for the run may deny its calls, but not approve them."""
    hours: BusinessHours | None = None
    """Only this time counts; None counts all of it."""
    escalate: Escalation | None = None

    @model_validator(mode="after")
    def _comes(self) -> "ApprovalRule":
        if self.escalate is not None and self.escalate.after >= self.timeout:
            raise ValueError(
                f"escalate.after ({format_duration(self.escalate.after)}) must be shorter than "
                f"the timeout ({format_duration(self.timeout)}), or nobody is told in time"
            )
        if self.hours is not None and self.timeout > MOST_WEEKS * self.hours.weekly:
            raise ValueError(
                f"a timeout of {format_duration(self.timeout)} takes more than a year of "
                f"{format_duration(self.hours.weekly)} a week; shorten it, or widen hours"
            )
        return self


def _as_rule(value: Any) -> Any:
    if isinstance(value, str):
        if value in (ALWAYS, NEVER):
            return {"when": value}
        raise ValueError(
            f"'{value[:60]}' is no rule: write always, never, or "
            '{when: "args.amount > 1000", timeout: 4h}'
        )
    return value


Rule = Annotated[ApprovalRule, BeforeValidator(_as_rule)]
"""`always`, `never`, or a mapping."""


def _as_key(value: str) -> str:
    if not re.fullmatch(KEY_PATTERN, value):
        raise ValueError(
            f"'{value[:60]}' names no tools: write a tool such as ledger.post, or the beginning "
            "of several with * at its end such as github.*"
        )
    return value


ToolPattern = Annotated[str, AfterValidator(_as_key)]
"""A tool's name, or the beginning of several and `*`."""

Approvals = dict[ToolPattern, Rule]


def matches(pattern: str, tool: str) -> bool:
    """Whether a key of `approvals` names the tool."""
    return tool.startswith(pattern[:-1]) if pattern.endswith("*") else tool == pattern


def rule_for(rules: Mapping[str, ApprovalRule], tool: str) -> tuple[str, ApprovalRule] | None:
    """Return the rule that counts for `tool`, with its key; None if no key names it.

    The order in which they are written says nothing.
    """
    named = [key for key in rules if matches(key, tool)]
    if not named:
        return None
    key = max(named, key=lambda key: (not key.endswith("*"), len(key)))
    return key, rules[key]
