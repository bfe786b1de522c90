"""Findings become alerts: each told once, and once when it is over."""

from datetime import datetime, timedelta

import pytest

from rota.notices.spec import Occasion
from rota.watchdog.alerts import Alert, Finding, Scope, carry_on
from rota.watchdog.telling import fact_of
from tests.rota.keepers.desks import T0

MINUTE = timedelta(minutes=1)


def finding(over: datetime | None = None) -> Finding:
    """A run that takes too long."""
    return Finding(key="k", kind=Occasion.OVERDUE, agent="report", since=T0, over=over)


def told(alerts: list[Alert], found: list[Finding], scope: Scope) -> tuple[list[Alert], list[bool]]:
    """What is remembered, and of what is told whether it is over."""
    kept, news = carry_on(alerts, found, scope, T0 + MINUTE)
    return kept, [each.resolved for each in news]


def test_alert_is_told_once_and_once_when_it_is_over() -> None:
    """Found again it is told no more; no longer found it is over."""
    seen = Scope(["report"])
    alerts, news = told([], [finding()], seen)
    assert news == [False]
    alerts, news = told(alerts, [finding()], seen)
    assert (len(alerts), news) == (1, [])
    alerts, news = told(alerts, [], seen)
    assert (alerts, news) == ([], [True])


def test_finding_that_is_over_already_is_told_with_its_end_and_not_again() -> None:
    """What began and ended between two checks; it may be found by the next as well."""
    seen = Scope(["report"])
    alerts, news = told([], [finding(over=T0)], seen)
    assert news == [False, True]
    alerts, news = told(alerts, [finding(over=T0)], seen)
    assert news == []
    assert told(alerts, [], seen) == ([], [])


@pytest.mark.parametrize(
    ("scope", "over"),
    [
        pytest.param(Scope(["other"], whole=False), False, id="not every agent was listed"),
        pytest.param(Scope([], unheard=["report"]), False, id="its keeper did not answer"),
        pytest.param(Scope(["other"]), True, id="it is gone from the fleet"),
    ],
)
def test_alert_of_an_agent_that_was_not_looked_at_stays(scope: Scope, over: bool) -> None:
    """Only whoever was looked at is well again."""
    alerts, _ = told([], [finding()], Scope(["report"]))
    kept, news = told(alerts, [], scope)
    assert (kept == [], news) == (over, [True] if over else [])


def test_fact_of_an_alert_is_the_same_whichever_check_tells_it() -> None:
    """A check that was lost on the way is made again; the end is a fact of its own."""
    ids = set[str]()
    for minutes in (1, 2):
        _, news = carry_on([], [finding(over=T0)], Scope(["report"]), T0 + minutes * MINUTE)
        ids |= {fact_of("finance", each).id for each in news}
    assert len(ids) == 2
