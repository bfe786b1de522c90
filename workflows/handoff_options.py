"""Every timeout and retry policy around runs that work for another one."""

from datetime import timedelta

from workflows.activity_options import DESK_TIMEOUT, DeskOptions, desk_options

HANDOFF_GRACE = timedelta(seconds=5)
"""How long a caller that has reached its limit still waits for a run it called to end by
itself. Theirs is the same limit, so it does, and says how: this is the time to notice
(`TIMER_SLACK`) and to settle. One that cannot end is cancelled then."""

READING_PATIENCE = timedelta(minutes=1)
"""How long a figure is looked for that no run needs to go on: without it all that was lent
counts as used."""


def handoff_options(remaining: timedelta) -> DeskOptions:
    """Options of the look-ups around a call of another agent.

    Repeated as long as the run may work: giving up sooner would lose what the called agent
    has done. At the limit one attempt is left, for the record of how the call ended.
    """
    options = desk_options()
    options["schedule_to_close_timeout"] = max(remaining, DESK_TIMEOUT)
    return options


def reading_options() -> DeskOptions:
    """Options of reading what a run that was cancelled has used."""
    options = desk_options()
    options["schedule_to_close_timeout"] = READING_PATIENCE
    return options
