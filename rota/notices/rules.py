"""How facts become messages: once for each fact, in groups, so many a minute, none lost.

Pure functions from state to state; the workflow `Notifier` only carries them out. What cannot
be told whole, because there is too much of it or because its time is over, is counted, and
told as a number with the next message.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from rota.model import content_digest, digest_of
from rota.notices.facts import Fact, Message
from rota.notices.notifier import RECEIPTS, NotifierState, Trouble
from rota.notices.spec import Occasion

MINUTE = timedelta(seconds=60)


def take(state: NotifierState, fact: Fact, now: datetime) -> NotifierState:
    """Take a fact to be told; one that is known changes nothing."""
    mark = mark_of(fact.id)
    if mark in state.seen:
        return state
    changes: dict[str, object] = {
        "seen": (*state.seen, mark)[-state.policy.remembered :],
        "waiting_since": state.waiting_since or now,
        "quiet_since": None,
    }
    if len(state.pending) < state.policy.most_pending:
        changes["pending"] = (*state.pending, fact)
    else:
        changes["omitted"] = _counted(state.omitted, [fact])
    return state.model_copy(update=changes)


def mark_of(fact: str) -> str:
    """What a notifier keeps of a fact's id."""
    return digest_of(fact.encode())[:16]


def due_at(state: NotifierState) -> datetime | None:
    """When the next message is to be sent; None if there is nothing to tell."""
    if state.message is None and not state.pending:
        return None
    if state.message is not None:
        times = [state.message.at]
    else:
        since = state.waiting_since or state.pending[0].at
        times = [since + timedelta(seconds=state.policy.group_seconds)]
    if len(state.sent_at) >= state.policy.per_minute:
        times.append(state.sent_at[-state.policy.per_minute] + MINUTE)
    if state.trouble is not None:
        times.append(state.trouble.retry_at)
    return max(times)


def next_message(state: NotifierState, now: datetime) -> tuple[NotifierState, Message | None]:
    """Return the message to be sent now, None if none is due.

    One that was given up comes again as it was, so that receivers know it by its id.
    """
    due = due_at(state)
    if due is None or now < due:
        return state, None
    if state.message is None:
        state = _made(state, now)
    begun = (*state.sent_at, now)[-state.policy.per_minute :]
    return state.model_copy(update={"sent_at": begun}), state.message


def sent(state: NotifierState, now: datetime, note: str = "") -> NotifierState:
    """The message was taken."""
    if state.message is None:
        return state
    facts = len(state.message.facts) + sum(state.message.omitted.values())
    told = {**state.told, **{mark_of(fact.id): now for fact in state.message.facts}}
    return state.model_copy(
        update={
            "told": dict(list(told.items())[-RECEIPTS:]),
            "message": None,
            "messages": state.messages + 1,
            "facts": state.facts + facts,
            "last_sent": now,
            "note": note,
            "trouble": None,
            "quiet_since": None if state.pending else now,
        }
    )


def given_up(state: NotifierState, now: datetime, reason: str) -> NotifierState:
    """The message could not be sent: it is tried again later, until its time is over."""
    before = state.trouble
    failures = before.failures + 1 if before else 1
    # Beyond twenty doublings every limit is reached.
    doubled = state.policy.pause_seconds * 2 ** min(failures - 1, 20)
    pause = timedelta(seconds=min(doubled, state.policy.longest_pause_seconds))
    since = before.since if before else now
    trouble = Trouble(since=since, reason=reason, failures=failures, retry_at=now + pause)
    state = state.model_copy(update={"trouble": trouble})
    if now - since < timedelta(seconds=state.policy.patience_seconds):
        return state
    return _only_counted(state, now)


def forgotten_at(state: NotifierState) -> datetime | None:
    """When the notifier may end; None while it has, or could not tell, something."""
    if state.quiet_since is None or state.trouble is not None or state.omitted:
        return None
    return state.quiet_since + timedelta(seconds=state.policy.idle_seconds)


def waiting(state: NotifierState) -> int:
    """How many facts have not been told."""
    message = state.message
    under_way = len(message.facts) + sum(message.omitted.values()) if message else 0
    return under_way + len(state.pending) + sum(state.omitted.values())


def _made(state: NotifierState, now: datetime) -> NotifierState:
    """Make a message of the oldest facts, and of all that is only counted."""
    facts = state.pending[: state.policy.facts_per_message]
    rest = state.pending[len(facts) :]
    number = state.number + 1
    # Of the facts, not of the number alone: the notifier after this one counts from 1.
    identity = [state.channel.digest, number, [fact.id for fact in facts]]
    message = Message(
        id=f"msg_{content_digest(identity)[:32]}", facts=facts, omitted=state.omitted, at=now
    )
    return state.model_copy(
        update={
            "message": message,
            "number": number,
            "pending": rest,
            "omitted": {},
            # They have waited as long as those that go.
            "waiting_since": state.waiting_since if rest else None,
        }
    )


def _only_counted(state: NotifierState, now: datetime) -> NotifierState:
    """Give up what waits, but for its number."""
    message = state.message
    omitted = dict(state.omitted)
    for occasion, count in (message.omitted if message else {}).items():
        omitted[occasion] = omitted.get(occasion, 0) + count
    facts = (*(message.facts if message else ()), *state.pending)
    return state.model_copy(
        update={
            "message": None,
            "pending": (),
            "omitted": _counted(omitted, facts),
            "waiting_since": None,
            "quiet_since": now,
        }
    )


def _counted(omitted: dict[Occasion, int], facts: Iterable[Fact]) -> dict[Occasion, int]:
    counts = Counter(omitted)
    counts.update(fact.occasion for fact in facts)
    return dict(sorted(counts.items()))
