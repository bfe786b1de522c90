"""What retention and garbage collection came to. Pure records."""

from rota.model import Record


class GcReport(Record):
    """One run of `rota gc`."""

    dry_run: bool
    """Nothing was taken; the figures say what would be."""
    archives: int = 0
    """Archived runs that there were."""
    others: int = 0
    """Of these, runs of other fleets, which say themselves how long they keep them."""
    expired: tuple[str, ...] = ()
    """Runs whose retention is over, by workflow id: their archives and what they left are gone."""
    held: tuple[str, ...] = ()
    """Runs whose retention is over, and that a hold keeps."""
    objects: int = 0
    """Objects that there were in the store."""
    kept: int = 0
    """Of these, what something refers to, or is young."""
    removed: int = 0
    bytes: int = 0
    """Of what was removed."""
    spared: int = 0
    """Put again while it was to be removed."""
    undecided: tuple[str, ...] = ()
    """What nobody can say, and is kept therefore; one line each."""
    swept: bool = True
    """False if no object could be taken, because it is unknown what is referred to."""
