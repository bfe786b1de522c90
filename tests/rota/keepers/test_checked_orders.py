"""Backfills of slots whose entries may have left the keeper."""

from datetime import UTC, datetime, timedelta

import pytest

from rota.agent_spec import AgentSpec
from rota.keepers import orders
from rota.keepers import rules as keeper
from rota.keepers.admission import AdmissionRequest, Decision, RunRef
from rota.keepers.run_orders import BackfillRequest
from rota.keepers.state import KeeperState
from rota.pinned_spec import PinnedSpec
from rota.runs import Covers, Trigger

SLOT = datetime(2026, 11, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(("checked", "decision"), [(True, Decision.GO), (False, Decision.SKIP)])
def test_backfill_of_a_slot_on_a_page_runs_if_its_asker_has_read_the_page(
    checked: bool, decision: Decision
) -> None:
    """The keeper does not look on pages: who has looked is believed, who has not is not."""
    runtime = {"kind": "scripted", "turns": [{"result": 1}]}
    spec = PinnedSpec.of(AgentSpec.model_validate({"name": "report", "runtime": runtime}))
    paged = Covers(start=SLOT - timedelta(days=1), end=SLOT + timedelta(days=1))
    state = KeeperState(spec=spec, paged=2, paged_slots=paged)
    request = BackfillRequest(id="b-1", slots=(SLOT,), checked=checked)
    state, _ = orders.request_backfill(state, request, NOW)
    run = RunRef(id=state.orders[0].run_id, key="k1")
    asked = AdmissionRequest(run=run, trigger=Trigger.BACKFILL, slot=SLOT)
    _, admission = keeper.admit(state, asked, NOW)
    assert admission.decision is decision
