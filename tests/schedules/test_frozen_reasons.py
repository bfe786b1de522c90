"""What a freeze has to do with a slot, as `rota explain` tells it."""

from datetime import datetime
from typing import Any

import pytest

from rota.keepers.freeze import Freeze
from rota.keepers.state import LedgerEntry
from rota.runs import RunStatus
from schedules.entry_reasons import ReasonKind
from tests.rota.keepers.desks import HOUR, T0
from tests.schedules.slot_entries import SLOT, entry, explained, texts

HELD = Freeze(reason="quarter end", by="ann", at=T0 - HOUR)
BACKFILL = (
    "slots of a freeze are not caught up on: 'rota backfill report --from "
    f"{SLOT} --to {SLOT}' runs it, once report is thawed"
)
STANDS = "report is frozen by ann: quarter end, until somebody thaws it: 'rota thaw report' ends it"


def skipped(slot: datetime | None = T0, **fields: Any) -> LedgerEntry:
    """A slot that a freeze has taken."""
    lost = {"status": RunStatus.SKIPPED, "reason": HELD.text, "frozen": True}
    return entry("r1", slot, **(lost | fields))


@pytest.mark.parametrize(
    ("entries", "held", "told"),
    [
        pytest.param([skipped()], HELD, [BACKFILL], id="lost, still frozen"),
        pytest.param([skipped()], None, [BACKFILL], id="lost, thawed"),
        pytest.param([skipped(run=None)], None, [BACKFILL], id="lost without a run"),
        pytest.param([skipped(), entry("r2")], None, [], id="run since"),
        pytest.param(
            [entry("r1", status=RunStatus.QUEUED, settled_at=None)], HELD, [STANDS], id="waits"
        ),
        pytest.param([], HELD, [STANDS], id="nothing known"),
        pytest.param([entry("r1")], HELD, [], id="done"),
    ],
)
def test_freeze_is_told_where_it_bears_on_the_slot(
    entries: list[LedgerEntry], held: Freeze | None, told: list[str]
) -> None:
    """Why it did not run, what ends the freeze, what runs it after all."""
    explanation = explained(*entries, state={"freeze": held})
    frozen = [reason.text for reason in explanation.chain if reason.kind is ReasonKind.FROZEN]
    assert frozen == told


def test_skip_of_a_frozen_slot_says_who_froze_it_and_why() -> None:
    """In the words of the ledger."""
    assert "r1 was skipped: frozen by ann: quarter end" in texts(explained(skipped()))
