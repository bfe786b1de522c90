"""Results of a session and what people say of them, for tests."""

from datetime import UTC, datetime, timedelta

from rota.checks.baseline import BaselineRequest, BaselineState, SessionResult
from rota.run_ref import RunRef

NIGHT = datetime(2026, 11, 22, 2, tzinfo=UTC)
NOW = NIGHT + timedelta(days=30)


def result(digest: str, night: int = 0) -> SessionResult:
    """A result that the run of that night succeeded with."""
    at = NIGHT + timedelta(days=night)
    run = RunRef(id=f"check-{night}", key=f"{digest}-{night}")
    return SessionResult(digest=digest, run=run, slot=at, stands_for=at)


def says(digest: str, note: str = "", by: str = "ann") -> BaselineRequest:
    """A person's word on that result."""
    return BaselineRequest(session="default", digest=digest, by=by, note=note)


def standing(state: BaselineState) -> tuple[str, str, str]:
    """Digests of the baseline, the candidate and the rejected result; `-` for none."""
    there = (state.accepted, state.candidate, state.rejected)
    accepted, candidate, rejected = (each.digest if each else "-" for each in there)
    return accepted, candidate, rejected
