"""Which calls of this worker have ended, for providers that cannot be asked.

Where the only call answers with the result, nothing but the caller knows that it has ended.
Remembered for a while, in this worker alone: another one does not claim what it cannot know.
"""

from collections import OrderedDict

REMEMBERED = 10_000
"""Calls kept in mind: many times what one worker does while a run is being stopped."""


class EndedCalls:
    """A set of ids that forgets the oldest."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, id: str) -> None:
        """Remember that the call of this session has ended."""
        self._ids[id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)

    def discard(self, id: str) -> None:
        """Forget it: it is called again."""
        self._ids.pop(id, None)

    def __contains__(self, id: object) -> bool:
        return id in self._ids
