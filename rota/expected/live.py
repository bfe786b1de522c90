"""A schedule as the server has it now, as far as it tells of slots. Pure."""

from bisect import bisect_left
from datetime import datetime, timedelta

from rota.ids import format_slot
from rota.model import Record


class ServerTimes(Record):
    """When the server fires a schedule, by its own word."""

    since: datetime
    until: datetime
    """Both included."""
    times: tuple[datetime, ...]
    """Oldest first, each up to `jitter` after its slot."""
    jitter: timedelta = timedelta(0)

    def lacks(self, slot: datetime) -> bool:
        """True if the server does not fire for that slot; False also where that is not known."""
        if not self.since <= slot <= self.until - self.jitter:
            return False
        place = bisect_left(self.times, slot)
        return place == len(self.times) or self.times[place] > slot + self.jitter


class LiveSchedule(Record):
    """The schedule as the server has it now."""

    paused: bool = False
    note: str = ""
    changed: datetime | None = None
    """When it was written last; None: not since it was made. One of the server's two schedulers
    counts pauses and runs started by hand as well."""
    created: datetime | None = None
    too_old: int = 0
    """Slots that the server has dropped since then, as older than the catch-up window."""
    has_next: bool = True
    """It has slots to come."""
    differs: tuple[str, ...] = ()
    """In what it is not the one declared: somebody has changed it."""
    fires: ServerTimes | None = None
    """Of one that differs: when it fires, since it was changed."""

    @property
    def as_changed(self) -> str:
        """Of one that differs: that it does, and in what."""
        return f"the schedule on the server is not the declared one: {'; '.join(self.differs)}"

    @property
    def as_counted(self) -> str:
        """What the server counts as dropped; it does not tell which slots those were."""
        many = "1 slot" if self.too_old == 1 else f"{self.too_old} slots"
        since = f" since {format_slot(self.created)}" if self.created else ""
        return f"the server has dropped {many}{since} as older than the catch-up window"
