"""How often something may happen: a bucket that fills as time goes by."""

from collections import OrderedDict
from dataclasses import dataclass, field
from math import ceil


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header that says when to come again: in whole seconds, one at least."""
    return {"Retry-After": str(max(1, ceil(seconds)))}


@dataclass
class Bucket:
    """Lets through `per_minute`, all of them at once if nobody came before."""

    per_minute: int
    _level: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._level = float(self.per_minute)

    def wait(self, now: float) -> float:
        """Take one and return 0; if there is none, the seconds until there is."""
        rate = self.per_minute / 60
        self._level = min(float(self.per_minute), self._level + max(0.0, now - self._at) * rate)
        self._at = max(self._at, now)
        if self._level < 1:
            return (1 - self._level) / rate
        self._level -= 1
        return 0.0


@dataclass
class Buckets:
    """A bucket for each of many names; those used longest ago are forgotten, and are full again."""

    per_minute: int
    most: int
    """Names that are remembered."""
    _known: OrderedDict[str, Bucket] = field(
        default_factory=OrderedDict[str, Bucket], init=False, repr=False
    )

    def wait(self, name: str, now: float) -> float:
        """Take one of `name` and return 0; if there is none, the seconds until there is."""
        bucket = self._known.setdefault(name, Bucket(self.per_minute))
        self._known.move_to_end(name)
        if len(self._known) > self.most:
            self._known.popitem(last=False)
        return bucket.wait(now)
