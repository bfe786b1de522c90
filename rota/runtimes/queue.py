"""A task queue of a runtime's calls, shared by all agents that name it."""

from rota.model import Record


class RuntimeQueue(Record):
    """One queue that workers of a fleet serve beside the fleet's own."""

    name: str
    requests_per_second: float | None = None
    """Most calls a second that the server hands out, over all workers; None: no limit."""
