"""The baseline of a session: the last result that was accepted, for later runs to compare with.

Pure. Runs propose, and a person accepts; with `auto` each success is accepted. Only a success
moves anything, and never one that stands for an earlier time than another that is known: a
re-run of an older slot neither replaces a newer candidate nor takes an accepted result back.
"""

from datetime import datetime
from enum import StrEnum
from operator import not_

from pydantic import Field

from rota.model import Record, is_false
from rota.run_ref import RunRef

HISTORY = 50
"""Judgements that a session remembers; what was accepted before these is not returned to."""
NOTE_LIMIT = 1000
"""Characters of a note or a reason: each is kept in the keeper, and shown to models."""
BY_LIMIT = 200
AUTO = "auto"
"""Who accepts where no person has to."""


class BaselineMode(StrEnum):
    """Who accepts a result as the baseline."""

    MANUAL = "manual"
    """A person."""
    AUTO = "auto"
    """Nobody: each success is accepted, unless it stands for an earlier time."""


class Word(StrEnum):
    """What was said of a result."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class SessionResult(Record):
    """A result with which a run of the session succeeded."""

    digest: str
    """Of the result in the object store."""
    run: RunRef
    slot: datetime | None = None
    stands_for: datetime
    """The run's slot; without one, when it presented itself. The later one is newer."""
    tainted: bool = Field(default=False, exclude_if=is_false)
    """Its run had read what may be the words of people outside the team."""


class Judgement(SessionResult):
    """What was said of a result, when and by whom."""

    word: Word
    at: datetime
    by: str
    note: str = ""
    """The reason, of one that was rejected."""


class BaselineState(Record):
    """What a keeper knows of one session's baseline."""

    accepted: Judgement | None = None
    """The baseline itself."""
    candidate: SessionResult | None = None
    """The newest success, if it is not the baseline and nobody has rejected it."""
    rejected: Judgement | None = None
    """The newest rejection since something was accepted."""
    newest: datetime | None = None
    """What the newest success stands for, whatever became of it."""
    history: tuple[Judgement, ...] = ()
    """Oldest first."""


class KnownBaseline(Record):
    """What a run is given of its session's baseline."""

    accepted: Judgement | None = None
    rejected: Judgement | None = Field(default=None, exclude_if=not_)

    @property
    def digest(self) -> str | None:
        """Of the accepted result; None if there is none yet."""
        return self.accepted.digest if self.accepted else None


class BaselineRequest(Record):
    """A person judges a result; the digest names it, so that no other one is meant."""

    session: str
    digest: str
    by: str
    note: str = ""
    """Why; the agent is told of a rejection's."""


class BaselineRefusedError(ValueError):
    """A judgement that cannot be; the message says why, and what to do."""


def succeeded(
    state: BaselineState, mode: BaselineMode | None, result: SessionResult, now: datetime
) -> BaselineState:
    """Take a success in: as the candidate, or at once as the baseline.

    One that says the same as the baseline leaves nothing to accept.
    """
    if mode is None or (state.newest is not None and result.stands_for < state.newest):
        return state
    same = state.accepted is not None and state.accepted.digest == result.digest
    candidate = None if same else result
    state = state.model_copy(update={"newest": result.stands_for, "candidate": candidate})
    if mode is BaselineMode.AUTO and candidate is not None:
        return _accepted(state, _judged(candidate, Word.ACCEPTED, AUTO, "", now))
    return state


def accept(state: BaselineState, request: BaselineRequest, now: datetime) -> BaselineState:
    """Make the candidate the baseline. Accepting the baseline again changes nothing.

    Raises:
        BaselineRefusedError: the candidate is another one, or there is none; or the request
            does not say who, or says too much.
    """
    _check(request)
    if state.accepted is not None and state.accepted.digest == request.digest:
        return state
    if state.candidate is None or state.candidate.digest != request.digest:
        raise BaselineRefusedError(_not_there(state, request))
    judged = _judged(state.candidate, Word.ACCEPTED, request.by, request.note, now)
    return _accepted(state, judged)


def reject(state: BaselineState, request: BaselineRequest, now: datetime) -> BaselineState:
    """Drop the candidate; or take the baseline back, which falls to the one before it.

    The rejection is remembered, for the agent to be told, until something is accepted.
    Rejecting the same again changes nothing.

    Raises:
        BaselineRefusedError: it is neither candidate nor baseline; or the request does not
            say who, or says too much.
    """
    _check(request)
    if state.candidate is not None and state.candidate.digest == request.digest:
        judged = _judged(state.candidate, Word.REJECTED, request.by, request.note, now)
        return _noted(state, judged, {"candidate": None, "rejected": judged})
    if state.accepted is not None and state.accepted.digest == request.digest:
        judged = _judged(state.accepted, Word.REJECTED, request.by, request.note, now)
        state = _noted(state, judged, {"rejected": judged})
        return _fallen_back(state, _last_accepted(state.history))
    if state.rejected is not None and state.rejected.digest == request.digest:
        return state
    raise BaselineRefusedError(_not_there(state, request))


def known(
    state: BaselineState, mode: BaselineMode | None, slot: datetime | None
) -> KnownBaseline | None:
    """What a run is given; None if its agent keeps no baseline, or nothing was said yet.

    A run for a slot compares with what stood before that slot: a re-run does not find that
    nothing differs from its own first result, nor an older night from a later one.
    """
    if mode is None:
        return None
    accepted = state.accepted
    if accepted is not None and slot is not None and accepted.stands_for >= slot:
        accepted = _last_accepted(state.history, slot)
    if accepted is None and state.rejected is None:
        return None
    return KnownBaseline(accepted=accepted, rejected=state.rejected)


def _accepted(state: BaselineState, judged: Judgement) -> BaselineState:
    changes: dict[str, object] = {"accepted": judged, "candidate": None, "rejected": None}
    return _noted(state, judged, changes)


def _noted(state: BaselineState, judged: Judgement, changes: dict[str, object]) -> BaselineState:
    history = (*state.history, judged)[-HISTORY:]
    return state.model_copy(update={**changes, "history": history})


def _fallen_back(state: BaselineState, to: Judgement | None) -> BaselineState:
    same = to is not None and state.candidate is not None and state.candidate.digest == to.digest
    candidate = None if same else state.candidate
    return state.model_copy(update={"accepted": to, "candidate": candidate})


def _last_accepted(
    history: tuple[Judgement, ...], slot: datetime | None = None
) -> Judgement | None:
    """The result accepted last of which nothing else was said since; if asked, before a slot."""
    judged_since: set[str] = set()
    for judged in reversed(history):
        if judged.digest in judged_since:
            continue
        if judged.word is Word.REJECTED:
            judged_since.add(judged.digest)
        elif slot is None or judged.stands_for < slot:
            return judged
    return None


def _judged(result: SessionResult, word: Word, by: str, note: str, now: datetime) -> Judgement:
    own = {name: getattr(result, name) for name in SessionResult.model_fields}
    return Judgement.model_validate({**own, "word": word, "at": now, "by": by, "note": note})


def _check(request: BaselineRequest) -> None:
    if not request.by.strip():
        raise BaselineRefusedError("say who judges the result: 'by' is empty")
    if len(request.by) > BY_LIMIT:
        raise BaselineRefusedError(f"a name has at most {BY_LIMIT} characters: shorten 'by'")
    if len(request.note) > NOTE_LIMIT:
        raise BaselineRefusedError(
            f"the note has {len(request.note)} characters, {NOTE_LIMIT} are kept: shorten it"
        )


def _not_there(state: BaselineState, request: BaselineRequest) -> str:
    """Why the result cannot be judged, and which one can."""
    named = request.digest[:12]
    there = state.candidate
    if there is None:
        return f"{named} is not the candidate of session '{request.session}': there is none now"
    return (
        f"{named} is not the candidate of session '{request.session}': {there.digest[:12]} of "
        f"{there.run.id} is; look at it, then judge that one"
    )
