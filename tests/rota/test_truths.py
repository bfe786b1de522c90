"""The five truths of a run: each is read off what was recorded, and may be unknown."""

from datetime import timedelta
from typing import Any

import pytest

from rota.checks.spec import OnFailure
from rota.checks.verdicts import CheckOutcome, CheckState
from rota.expected.slot_state import SlotState, Verdict
from rota.failures import FailureCategory
from rota.keepers.state import LedgerEntry
from rota.notices.facts import Channel, ChannelKind
from rota.notices.notifier import RECEIPTS, NotifierPolicy, NotifierState
from rota.notices.receipts import Receipt, receipt_of
from rota.notices.rules import given_up, next_message, sent, take
from rota.notices.spec import Occasion
from rota.runs import AgentRunResult, EventRecord, RunStatus, Trigger
from rota.truths import truths_of, truths_of_entry, truths_of_no_run
from tests.rota.keepers.desks import HOUR, T0, run
from tests.rota.notices.notice_desk import fact

END = T0 + HOUR
TOLD = Receipt(channel="slack", told=True, at=END)
WAITS = Receipt(channel="mail", told=False, reason="waits")
LOST = Receipt(channel="hook", told=None, reason="gone")


def result(status: RunStatus = RunStatus.SUCCEEDED, **fields: Any) -> AgentRunResult:
    """How a run ended."""
    told = {"agent": "a", "run_id": "a-1", "status": status, "trigger": Trigger.MANUAL}
    return AgentRunResult.model_validate({**told, **fields})


def check(state: CheckState) -> CheckOutcome:
    """What came of a check that only warns."""
    return CheckOutcome(name="c", state=state, on_failure=OnFailure.WARN, at=T0)


def entry(status: RunStatus) -> LedgerEntry:
    """What the ledger says."""
    return LedgerEntry(run=run("r"), trigger=Trigger.MANUAL, status=status, admitted_at=T0)


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        pytest.param(result(), "yes yes yes not_applicable unknown", id="succeeded"),
        pytest.param(
            result(RunStatus.SKIPPED), "yes no no not_applicable unknown", id="turned away"
        ),
        pytest.param(
            result(RunStatus.FAILED), "yes unknown no not_applicable unknown", id="failed early"
        ),
        pytest.param(
            result(RunStatus.FAILED, turns=2), "yes yes no not_applicable unknown", id="failed"
        ),
        pytest.param(
            result(
                RunStatus.FAILED,
                turns=1,
                category=FailureCategory.OUTCOME_INVALID,
                checks=(check(CheckState.FAILED),),
            ),
            "yes yes yes no unknown",
            id="bad answer",
        ),
        pytest.param(
            result(untold=(Occasion.SUCCEEDED,)), "yes yes yes not_applicable no", id="untold"
        ),
    ],
)
def test_truths_of_an_end_are_read_off_the_run_alone(ended: AgentRunResult, told: str) -> None:
    """What only others know is unknown, not guessed."""
    truths = truths_of(ended, T0, END)
    assert " ".join(truth.state.value for _, truth in truths) == told


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ((), "not_applicable"),
        ((CheckState.PASSED, CheckState.SKIPPED), "yes"),
        ((CheckState.PASSED, CheckState.UNKNOWN), "unknown"),
        ((CheckState.UNKNOWN, CheckState.FAILED), "no"),
    ],
)
def test_verified_is_what_every_check_says_together(
    states: tuple[CheckState, ...], told: str
) -> None:
    """One that failed is enough, and one that could not be made leaves it open."""
    truths = truths_of(result(checks=tuple(map(check, states))), T0, END)
    assert truths.verified.state.value == told


@pytest.mark.parametrize(
    ("receipts", "events", "told"),
    [
        ([], False, "not_applicable"),
        ([], True, "yes"),
        ([TOLD], False, "yes"),
        ([TOLD, WAITS], True, "no"),
        ([TOLD, LOST], False, "unknown"),
    ],
)
def test_announced_is_what_every_channel_says_together(
    receipts: list[Receipt], events: bool, told: str
) -> None:
    """Events are out when a run closes; a channel that waits makes it untrue."""
    published = (EventRecord(id="e", name="done", at=END),) if events else ()
    truths = truths_of(result(events=published), T0, END, receipts=receipts)
    assert truths.announced.state.value == told


def test_truths_of_a_run_at_work_are_not_yet() -> None:
    """Started and let in, with the times of both; nothing else."""
    truths = truths_of(result(RunStatus.RUNNING), T0, None, entry(RunStatus.RUNNING))
    states = [truth.state.value for _, truth in truths]
    assert states == ["yes", "yes", "no", "no", "no"]
    assert truths.line == (
        "fired 06:00:00 · admitted 06:00:00 · executed no · verified no · announced no"
    )


def test_truths_without_the_run_are_those_of_ledger_or_verdict() -> None:
    """What the server has forgotten is unknown; what never was is no."""
    ended = entry(RunStatus.SUCCEEDED).model_copy(update={"settled_at": END})
    states = [truth.state.value for _, truth in truths_of_entry(ended)]
    assert states == ["yes", "yes", "yes", "unknown", "unknown"]
    fired = {
        state: truths_of_no_run(Verdict(slot=T0, state=state, at=T0)).fired.state.value
        for state in (SlotState.PAUSED, SlotState.UNADMITTED, SlotState.UNKNOWN)
    }
    assert list(fired.values()) == ["no", "yes", "unknown"]


def test_receipt_follows_a_fact_from_its_post_to_its_end() -> None:
    """Waiting, told, given up, or forgotten: each is another answer."""
    channel = Channel(kind=ChannelKind.WEBHOOK, queue="q", target="env:HOOK")
    state = NotifierState(channel=channel, policy=NotifierPolicy(patience_seconds=0))

    def told(id: str) -> bool | None:
        return receipt_of("hook", state, id).told

    assert told("one") is None
    state = take(state, fact("one"), T0)
    assert told(fact("one").id) is False
    state, message = next_message(state, T0 + timedelta(minutes=1))
    assert message is not None
    state = sent(state, END)
    assert receipt_of("hook", state, fact("one").id).at == END
    state = take(state, fact("two"), END)
    state, _ = next_message(state, END + timedelta(minutes=1))
    state = given_up(state, END, "404")
    assert receipt_of("hook", state, fact("two").id).reason == "given up, and only counted: 404"
    assert receipt_of("hook", None, fact("one").id).told is None
    assert len(state.told) <= RECEIPTS
