"""The tools of the settlement and the escalation: propose corrections, see what is open."""

from typing import Annotated, Any

import reconciliation_corrections as books
from pydantic import Field
from reconciliation_desk import changed, refusals, state_path
from reconciliation_state import look

from rota.tools import ToolContext, tool


@tool(name="ledger.correct", effect="idempotent")
def correct(
    ctx: ToolContext,
    entry_id: str,
    note: Annotated[str, Field(min_length=1, max_length=1000)],
) -> dict[str, Any]:
    """Propose to the accountant what puts a flagged entry right, with your note.

    Action and amount are computed from the books. An entry has one correction: proposing
    it again changes nothing and returns `new` as false.
    """
    with refusals():
        return changed(
            ctx,
            "correct",
            lambda connection: books.propose(connection, entry_id, note, _cause(ctx)),
        )


@tool(name="ledger.corrections", effect="read")
def corrections(ctx: ToolContext) -> dict[str, Any]:
    """Sum up what this run has proposed: count, amounts to post, each correction."""
    with refusals():
        return look(state_path(ctx), lambda connection: books.caused_by(connection, _cause(ctx)))


@tool(name="ledger.unresolved", effect="read")
def unresolved(ctx: ToolContext) -> dict[str, Any]:
    """List every flagged entry that is still open: since when, and what was proposed."""
    with refusals():
        return look(state_path(ctx), books.unresolved)


def _cause(ctx: ToolContext) -> str:
    """The event behind the run; of one started by hand, the run itself."""
    return str(ctx.input.get("cause") or ctx.run_id)
