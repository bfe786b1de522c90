"""With which conversation a run begins, and which one it leaves (`session.continue: same`).

Pure. The keeper holds one conversation per session: that of the newest success. Where
sessions are shared (`session.concurrency: parallel`) the last to report wins, and what the
others said goes no further: conversations cannot be merged.
"""

from datetime import datetime

from rota.keepers.admission import ConversationRef
from rota.keepers.state import KeeperState


def beginning(kept: ConversationRef | None, slot: datetime | None) -> ConversationRef | None:
    """What a run goes on from.

    A re-run of the slot that was worked for last begins where that one began: its answer
    takes the place of the other, and nothing is said twice.
    """
    if kept is None:
        return None
    if slot is not None and slot == kept.slot:
        return kept.before
    return ConversationRef(head=kept.head, tokens=kept.tokens, tainted=kept.tainted)


def carried_on(
    kept: ConversationRef | None, led: ConversationRef, slot: datetime | None
) -> ConversationRef:
    """What the session's next run goes on from, after a success.

    Args:
        kept: What there was until now.
        led: As the run left it.
        slot: For which the run worked, if for one.
    """
    return ConversationRef(
        head=led.head,
        tokens=led.tokens,
        slot=slot,
        before=beginning(kept, slot),
        tainted=led.tainted,
    )


def forget(state: KeeperState, session: str) -> tuple[KeeperState, bool]:
    """Let the session's next run begin with an empty conversation; its memory stays.

    Returns:
        The state, and whether there was one to forget.
    """
    found = state.session(session)
    forgotten = found.model_copy(update={"conversation": None})
    return state.with_session(session, forgotten), found.conversation is not None
