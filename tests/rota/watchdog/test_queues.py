"""Task queues that nobody asks for work."""

from rota.watchdog.alerts import Scope, carry_on
from rota.watchdog.queues import unserved
from tests.rota.keepers.desks import HOUR, T0


def test_queue_that_nobody_serves_is_told_with_how_many_wait() -> None:
    """Also where nothing waits yet: nothing can begin."""
    found = unserved({"a": 2, "b": 1}, {"a": False, "b": True, "c": False}, T0)
    assert [each.reason for each in found] == [
        "no worker serves task queue a: 2 runs at work on it stand still",
        "no worker serves task queue c: nothing can begin there",
    ]


def test_queue_is_one_alert_for_as_long_as_nobody_serves_it() -> None:
    """However many more wait meanwhile."""
    told: list[bool] = []
    alerts = []
    for checks, served in enumerate((False, False, True)):
        found = unserved({"a": checks}, {"a": served}, T0 + checks * HOUR)
        alerts, news = carry_on(alerts, found, Scope(()), T0 + checks * HOUR)
        told += [each.resolved for each in news]
    assert (told, alerts) == ([False, True], [])
