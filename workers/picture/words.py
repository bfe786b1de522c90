"""A schedule in a few words, as a picture's heading and a list show it."""

from rota.language.durations import format_duration
from rota.schedule.spec import ScheduleSpec


def schedule_words(schedule: ScheduleSpec | None) -> str:
    """Return `0 6 * * 1-5 Europe/Berlin`, `every 1h`; empty without a schedule."""
    if schedule is None:
        return ""
    parts = [
        *schedule.cron,
        *(f"every {format_duration(every)}" for every in schedule.every),
        *("calendar" for _ in schedule.calendar),
    ]
    zone = "" if schedule.timezone == "UTC" else f" {schedule.timezone}"
    paused = ", paused" if schedule.paused else ""
    return ", ".join(parts) + zone + paused
