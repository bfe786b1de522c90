"""When a decision was in time, and when nobody is asked any more; without a server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow

from rota.approvals.requests import ApprovalDecision, ApprovalRequest, Ruling, Verdict
from rota.approvals.spec import ApprovalRule
from rota.keepers.admission import RunRef
from rota.runs import Trigger
from rota.turns.outcome import RunOrigin
from workflows.run_kit.approvals import Approvals
from workflows.run_kit.clock import RunClock

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIGEST = "d" * 64
EDIT = {"call": "a1", "digest": DIGEST, "verdict": "edit", "arguments": {"n": 7}, "by": "kim"}


class Office:
    """The clock of a run, what it tells people, and who decides while it waits."""

    def __init__(self) -> None:
        self.now = T0
        self.told: list[str] = []
        self.telling = self
        self.decides: Callable[[], Any] | None = None
        self.updates: dict[str, Callable[..., Any]] = {}

    def takes(self, update: str, handler: Callable[..., Any], **_: Any) -> None:
        """The run takes updates of this name."""
        self.updates[update] = handler

    def waits(self, occasion: str, id: str, *_: Any, approval: Any) -> None:
        """Somebody is told."""
        self.told.append(f"{occasion}: {id}")

    def resume(self) -> None:
        """The run goes on."""

    async def wait(
        self, what: str, text: str, came: Callable[[], bool], until: datetime, *, status: str
    ) -> bool:
        """Somebody decides meanwhile, or the time comes."""
        if self.decides is not None:
            await self.decides()
        self.now = max(self.now, until)
        return came()


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    """It is nine o'clock."""
    office = Office()
    monkeypatch.setattr(workflow, "now", lambda: office.now)
    monkeypatch.setattr(workflow, "set_update_handler", office.takes)
    return office


def approvals(office: Office) -> Approvals:
    """Those of a run that `pat` has asked for."""
    run = RunRef(id="poster-1", key="k")
    origin = RunOrigin(agent="poster", run=run, trigger=Trigger.MANUAL)
    standing: Any = office
    return Approvals(origin, standing, RunClock(None, None))


REQUEST = ApprovalRequest(
    tool="ledger.post",
    digest=DIGEST,
    arguments={"n": 5},
    key="ledger.post",
    rule=ApprovalRule(timeout=HOUR),
)


async def test_edit_given_in_time_counts_however_long_its_arguments_are_looked_at(
    office: Office,
) -> None:
    """The look may take longer than there was left: that is not whose word it is to answer for."""
    desk = approvals(office)

    async def look(ruling: Ruling) -> str:
        office.now = T0 + 2 * HOUR
        return ""

    async def decides() -> None:
        office.now = T0 + HOUR
        await office.updates["decide"](ApprovalDecision.model_validate(EDIT))

    office.decides = decides
    ruling = await desk.ask(REQUEST, "pat", check=look)
    assert (ruling.verdict, ruling.by, ruling.at) == (Verdict.EDIT, "kim", T0 + HOUR)


@pytest.mark.parametrize(
    ("patience", "told"), [(timedelta(0), []), (HOUR, ["awaiting_approval: a1/asked"])]
)
async def test_nobody_is_told_of_a_request_whose_time_is_over_already(
    office: Office, patience: timedelta, told: list[str]
) -> None:
    """Whoever waits for the run has no time left: it is denied, and there is nothing to do."""
    ruling = await approvals(office).ask(REQUEST, "pat", patience=patience)
    assert (ruling.verdict, office.told) == (Verdict.DENY, told)
