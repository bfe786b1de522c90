"""What a run of a Cursor agent came to: its status, its answer, its use. No requests.

Source: Cursor, Cloud Agents API v1.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, cast

from activities.providers.json_fields import field, optional_field
from activities.runtimes.cursor_api import VENDOR, gone
from rota.failures import FailureCategory, StepError
from rota.usage import Usage

Json = dict[str, Any]

AT_WORK = ("CREATING", "RUNNING")
MICROS_PER_CENT = 10_000


def finished(run: Json, agent: str) -> bool:
    """Whether a run has ended well; False while it works.

    Raises:
        StepError: it ended in another way, or its status is unknown.
    """
    match field(run, "status", str, VENDOR):
        case "CREATING" | "RUNNING":
            return False
        case "FINISHED":
            return True
        case "ERROR":
            raise StepError(
                FailureCategory.TOOL_FAILED,
                f"the agent {agent} of {VENDOR} failed: {_reason(run)}",
                maybe_billed=True,
            )
        case "CANCELLED":
            raise gone(agent, "its run was cancelled by somebody")
        case "EXPIRED":
            raise gone(agent, "its run has expired")
        case other:
            raise StepError(
                FailureCategory.OUTCOME_INVALID,
                f"{VENDOR}'s answer has no usable status: {other!r} is new",
                maybe_billed=True,
            )


def _reason(run: Json) -> str:
    said = (
        optional_field(run, "error.message", str, VENDOR)
        if isinstance(run.get("error"), dict)
        else optional_field(run, "error", str, VENDOR)
    )
    return said or optional_field(run, "result", str, VENDOR) or "it does not say why"


def answer_of(run: Json) -> str:
    """The text that a run ended with.

    Raises:
        StepError: `outcome_invalid`: there is none.
    """
    text = optional_field(run, "result", str, VENDOR) or ""
    if not text.strip():
        raise StepError(
            FailureCategory.OUTCOME_INVALID,
            f"the agent of {VENDOR} ended without a word; say in the instructions what it must "
            "answer",
            maybe_billed=True,
        )
    return text


def links_of(run: Json) -> dict[str, str]:
    """The branches and pull requests that a run left behind, numbered from the second on."""
    links: dict[str, str] = {}
    git = optional_field(run, "git", dict, VENDOR) or {}
    branches = cast("list[Json]", optional_field(git, "branches", list, VENDOR) or [])
    for number, branch in enumerate(branches, start=1):
        suffix = "" if number == 1 else f"_{number}"
        for name, key in (("branch", "branch"), ("pull_request", "prUrl")):
            value = optional_field(branch, key, str, VENDOR)
            if value:
                links[f"{name}{suffix}"] = value
    return links


def usage_of(usage: Json, runs: Collection[str]) -> Usage:
    """Sum what these runs have used; `cost_micros` None until every one tells its cost."""
    told = cast("list[Json]", field(usage, "runs", list, VENDOR))
    mine = [run for run in told if field(run, "id", str, VENDOR) in runs]
    total = Usage()
    for run in mine:
        total = total.plus(_usage(run))
    return total if len(mine) == len(runs) else total.model_copy(update={"cost_micros": None})


def _usage(run: Json) -> Usage:
    return Usage(
        input_tokens=field(run, "usage.inputTokens", int, VENDOR),
        output_tokens=field(run, "usage.outputTokens", int, VENDOR),
        cache_read_tokens=field(run, "usage.cacheReadTokens", int, VENDOR),
        cache_write_tokens=field(run, "usage.cacheWriteTokens", int, VENDOR),
        cost_micros=_cost_micros(run),
    )


def _cost_micros(run: Json) -> int | None:
    """What was charged: less than the raw cost where a plan includes it."""
    if optional_field(run, "cost", dict, VENDOR) is None:
        return None
    cents = field(run, "cost.chargedCents", float, VENDOR)
    # Through its shortest text: a sum of cents in binary is not what the dashboard shows.
    return round(Decimal(str(cents)) * MICROS_PER_CENT)
