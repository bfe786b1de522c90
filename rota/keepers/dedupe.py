"""One key, one run (`dedupe`): who works for a key, who shares its end, what is remembered.

Pure. A key is known while its run is open, and after it has succeeded until it expires.
The end of a run that did not succeed goes to those who waited, and the key is forgotten:
the next trigger tries again.
"""

from datetime import datetime, timedelta

from rota.keepers.admission import KeyOutcome, RunRef
from rota.keepers.keyed import MOST_KEYS, KeyState
from rota.keepers.state import KeeperState, LedgerEntry
from rota.language.key_text import DEDUPE_BYTES, shortened
from rota.model import digest_of
from rota.runs import RunStatus

RETIRED = "the agent was retired while this run waited"


def key_id(text: str) -> str:
    """Under which id `KeeperState.keys` has the key `text`: short, whatever was filled in."""
    return digest_of(shortened(text, DEDUPE_BYTES).encode())[:32]


def known(state: KeeperState, key: str, now: datetime) -> KeyState | None:
    """What the keeper knows of `key`; None for one that is free, or has expired."""
    found = state.keys.get(key_id(key)) if key else None
    return found if found is not None and _lasts(found, _keep(state), now) else None


def hold(state: KeeperState, key: str, run: RunRef, now: datetime) -> KeeperState:
    """Note that `run` works, or waits to work, for `key`, whoever has done so before."""
    return _with_newest(state, key, KeyState(run=run, at=now), now) if key else state


def join(state: KeeperState, key: str, run: RunRef) -> KeeperState:
    """Let `run` have the end of the run that works for `key`."""
    held = state.keys[key_id(key)]
    held = held.model_copy(update={"waiters": (*held.waiters, run)})
    return state.model_copy(update={"keys": {**state.keys, key_id(key): held}})


def close(state: KeeperState, entry: LedgerEntry) -> KeeperState:
    """Let go of the key of a run that has ended, as its closed `entry` says.

    The end of the run that worked for it goes to all who waited. A run that only waited
    is told nothing any more.
    """
    run, key = entry.run, entry.dedupe_key
    if run is None or not key:
        return state
    state = _without_waiter(state, key, run)
    held = state.keys.get(key_id(key))
    if held is None or held.run.key != run.key:
        return state
    end = {
        "run": run,
        "status": entry.status,
        "reason": entry.reason,
        "category": entry.category,
        "output": entry.output,
    }
    told = tuple(KeyOutcome.model_validate({**end, "waiter": each}) for each in held.waiters)
    state = state.model_copy(update={"outcomes": (*state.outcomes, *told)})
    if entry.status is not RunStatus.SUCCEEDED:
        keys = {id: other for id, other in state.keys.items() if id != key_id(key)}
        return state.model_copy(update={"keys": keys})
    at = entry.settled_at or entry.admitted_at
    done = KeyState(run=run, status=entry.status, output=entry.output, at=at)
    return _with_newest(state, key, done, at)


def turn_away(state: KeeperState) -> KeeperState:
    """Tell all who wait for a key that the agent is retired.

    The run they wait for may still finish, so this is no end of its: each is told its own.
    """
    waiters = [each for held in state.keys.values() for each in held.waiters]
    skipped = {"status": RunStatus.SKIPPED, "reason": RETIRED}
    told = (KeyOutcome.model_validate({**skipped, "waiter": w, "run": w}) for w in waiters)
    alone = {"waiters": ()}
    keys = {id: held.model_copy(update=alone) for id, held in state.keys.items()}
    return state.model_copy(update={"keys": keys, "outcomes": (*state.outcomes, *told)})


def due_outcomes(state: KeeperState) -> tuple[KeeperState, tuple[KeyOutcome, ...]]:
    """Hand out the ends that are to be told now, each once, in the order they came about."""
    return state.model_copy(update={"outcomes": ()}), state.outcomes


def _keep(state: KeeperState) -> timedelta:
    """How long a finished key is remembered."""
    spec = state.spec or state.retired
    return timedelta(seconds=spec.dedupe_keep_seconds if spec else 0)


def _lasts(held: KeyState, keep: timedelta, now: datetime) -> bool:
    return held.status is RunStatus.RUNNING or now - held.at < keep


def _with_newest(state: KeeperState, key: str, newest: KeyState, now: datetime) -> KeeperState:
    """Put a key at the end, where the newest are, and drop what need not be remembered."""
    keep = _keep(state)
    keys = {id: held for id, held in state.keys.items() if _lasts(held, keep, now)}
    keys.pop(key_id(key), None)
    keys[key_id(key)] = newest
    finished = [id for id, held in keys.items() if held.status is not RunStatus.RUNNING]
    for id in finished[: max(0, len(finished) - MOST_KEYS)]:
        del keys[id]
    return state.model_copy(update={"keys": keys})


def _without_waiter(state: KeeperState, key: str, run: RunRef) -> KeeperState:
    outcomes = tuple(each for each in state.outcomes if each.waiter.key != run.key)
    held = state.keys.get(key_id(key))
    keys = state.keys
    if held is not None:
        waiters = tuple(each for each in held.waiters if each.key != run.key)
        keys = {**keys, key_id(key): held.model_copy(update={"waiters": waiters})}
    return state.model_copy(update={"keys": keys, "outcomes": outcomes})
