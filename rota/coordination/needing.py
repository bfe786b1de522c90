"""What a run does next about one of its needs: `next_move(progress, now) -> Move`.

Pure. The run keeps a `NeedProgress` per need, carries each move out and folds in what it
hears; the upstream's keeper only ever answers what has become of the slot.
"""

from datetime import datetime

from rota.coordination.spec import NeedSpec, Otherwise
from rota.coordination.upstream import NeedAnswer, UpstreamRun, UpstreamState
from rota.failures import FailureCategory
from rota.ids import format_slot
from rota.model import Record
from rota.pipelines.gates import gate_time
from rota.runs import RunStatus
from rota.turns.loop import Finish

_FINAL = (UpstreamState.SETTLED, UpstreamState.FAILED)


class Ask(Record):
    """Ask the upstream's keeper."""

    rerun_of: str | None = None
    """Key of the failed run that is to be repeated; None: only ask."""
    last_call: bool = False
    """Whatever the answer, nobody waits after it."""


class Listen(Record):
    """Wait for the keeper's word."""

    until: datetime


class Pause(Record):
    """Let time pass before a re-run."""

    until: datetime


class Met(Record):
    """The need is met by this run."""

    run: UpstreamRun


Move = Ask | Listen | Pause | Met | Finish


class NeedProgress(Record):
    """How far a run has come with one need."""

    need: NeedSpec
    deadline: datetime
    answer: NeedAnswer | None = None
    """The newest word of the keeper."""
    heard_at: datetime | None = None
    """When that came."""
    reruns: int = 0
    """Re-runs asked for."""
    rerun_of: str | None = None
    """Key of the run that the last one was asked for."""
    last_called: bool = False

    def asked(self, ask: Ask, answer: NeedAnswer, now: datetime) -> "NeedProgress":
        """Fold in the answer to `ask`; not for one that the keeper's own word overtook."""
        again = ask.rerun_of is not None
        return self.model_copy(
            update={
                "answer": answer,
                "heard_at": now,
                "reruns": self.reruns + again,
                "rerun_of": ask.rerun_of if again else self.rerun_of,
                "last_called": self.last_called or ask.last_call,
            }
        )

    def heard(self, answer: NeedAnswer, now: datetime) -> "NeedProgress":
        """Fold in the keeper's word, which a watcher gets when the answer is final.

        The failure that the run has already answered with a re-run is old news.
        """
        key = answer.found.run.key if answer.found else None
        if answer.state is UpstreamState.FAILED and key is not None and key == self.rerun_of:
            return self
        return self.model_copy(update={"answer": answer, "heard_at": now})

    @property
    def text(self) -> str:
        """What is waited for, in one line."""
        answer = self.answer
        if answer is None:
            return self.need.agent
        slot = f" {format_slot(answer.slot)}" if answer.slot else ""
        because = f": {answer.reason}" if answer.reason else ""
        return f"{self.need.agent}{slot} ({answer.state.value}{because})"


def begin(
    need: NeedSpec, slot: datetime, timezone: str, bound: datetime | None = None
) -> NeedProgress:
    """A need of a run for `slot`, before anybody was asked.

    Args:
        need: As declared.
        slot: The run's own; of a run without one, the time it was started.
        timezone: Of the clock times in the declaration.
        bound: Waits end by then at the latest, whatever the need's own deadline.
    """
    deadline = gate_time(need.deadline, slot, timezone)
    return NeedProgress(need=need, deadline=min(deadline, bound) if bound else deadline)


def opening(needs: tuple[NeedSpec, ...], slot: datetime, timezone: str) -> datetime | None:
    """When the last of the needs' clock gates opens; None if there is none."""
    gates = [gate_time(n.not_before, slot, timezone) for n in needs if n.not_before is not None]
    return max(gates, default=None)


def next_move(progress: NeedProgress, now: datetime) -> Move:
    """Decide. A re-run is asked for in time only: past the deadline nothing new begins."""
    answer = progress.answer
    late = now >= progress.deadline
    if answer is None:
        return Ask(last_call=late)
    if answer.state is UpstreamState.SETTLED and answer.found is not None:
        return Met(run=answer.found)
    if progress.last_called:
        return _otherwise(progress, answer)
    failed = answer.state is UpstreamState.FAILED
    if failed and not _may_rerun(progress, answer):
        return _otherwise(progress, answer)
    if late:
        return Ask(last_call=True)
    if not failed:
        return Listen(until=progress.deadline)
    due = (progress.heard_at or now) + progress.need.on_failure.backoff
    if now < due:
        return Pause(until=min(due, progress.deadline))
    return Ask(rerun_of=answer.found.run.key if answer.found else None)


def overtaken(answer: NeedAnswer, word: NeedAnswer | None) -> bool:
    """True if the keeper's `word`, which came while it was asked, is newer than its answer.

    The word is sent when the answer has become final; a final answer needs none after it.
    """
    return word is not None and answer.state not in _FINAL


def _may_rerun(progress: NeedProgress, answer: NeedAnswer) -> bool:
    return answer.found is not None and progress.reruns < progress.need.on_failure.rerun


def _otherwise(progress: NeedProgress, answer: NeedAnswer) -> Move:
    need = progress.need
    if need.otherwise is Otherwise.USE_LAST and answer.last is not None:
        return Met(run=answer.last)
    reason = f"needs {progress.text}"
    if answer.state is not UpstreamState.FAILED:
        reason += f", and waits no longer than {format_slot(progress.deadline)}"
    elif progress.reruns:
        reason += f", re-run {progress.reruns} times"
    if need.otherwise is Otherwise.SKIP:
        return Finish(status=RunStatus.SKIPPED, reason=reason)
    if need.otherwise is Otherwise.USE_LAST:
        reason += "; there is no earlier result to use"
    return Finish(status=RunStatus.FAILED, reason=reason, category=FailureCategory.UPSTREAM)
