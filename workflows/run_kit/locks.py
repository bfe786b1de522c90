"""The locks a run holds while it works."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from rota.coordination.locks import LockAnswer, LockRequest
    from rota.coordination.spec import LockSpec
    from rota.failures import FailureCategory
    from rota.language.durations import format_duration
    from rota.pinned_spec import PinnedSpec
    from rota.runs import RunStatus
    from rota.turns.loop import Finish
    from rota.turns.outcome import RunOrigin
    from workflows.activity_options import LOCK_WORD
    from workflows.run_kit import desk
    from workflows.run_kit.standing import Standing


class Locks:
    """One run's locks. Create it first thing in the workflow's `run`.

    Messages: signal `lock_granted`, from the locks it asked for.
    """

    def __init__(self, origin: RunOrigin, standing: Standing, fences: dict[str, int]) -> None:
        self.fences = fences
        """Fencing number of each lock held."""
        self._origin = origin
        self._standing = standing
        self._asked: dict[str, None] = dict.fromkeys(fences)
        """Locks that may be held, or whose queue the run may be in."""
        self._answers: dict[str, LockAnswer] = {}
        workflow.set_signal_handler("lock_granted", self._on_lock_granted)

    async def acquire(self, spec: PinnedSpec) -> Finish | None:
        """Take every lock, one after the other, in the order of their names.

        All runs ask in that order, so no two can wait for each other.

        Returns:
            None once all are held, else how the run closes: failed, naming the holder.
        """
        for lock in sorted(spec.locks, key=lambda lock: lock.name):
            answer = await self._acquire(lock)
            if not answer.granted:
                return _not_granted(lock, answer)
            self.fences = {**self.fences, lock.name: answer.fence}
        return None

    async def release(self) -> None:
        """Give back whatever may be held. Safe to repeat."""
        if self._asked:
            await desk.release_locks(self._origin.run, tuple(self._asked))
            self._asked.clear()

    async def _acquire(self, lock: LockSpec) -> LockAnswer:
        name = lock.name
        # Known from here on: a grant that is not heard is given back, too.
        self._asked[name] = None
        wait = max(lock.wait.total_seconds(), 1.0)
        request = LockRequest(run=self._origin.run, wait_seconds=wait)
        answer = await desk.acquire_lock(name, request)
        if not answer.granted:
            until = workflow.now() + lock.wait + LOCK_WORD
            until = min(until, self._origin.bound) if self._origin.bound else until
            text = f"lock {name}, held by {answer.holder}, place {answer.position}"
            await self._standing.wait(f"lock {name}", text, lambda: name in self._answers, until)
        # What the lock said later counts: it may have come before its first answer was read.
        return self._answers.get(name, answer)

    def _on_lock_granted(self, answer: LockAnswer) -> None:
        if answer.run.key == self._origin.run.key:
            self._answers[answer.lock] = answer


def _not_granted(lock: LockSpec, answer: LockAnswer) -> Finish:
    wait = format_duration(lock.wait)
    why = answer.refused or f"not free within {wait}; {answer.holder} held it when this run asked"
    return Finish(
        status=RunStatus.FAILED,
        reason=f"lock '{lock.name}': {why}",
        category=FailureCategory.UPSTREAM,
    )
