"""Alerts of a day of trouble agree with the day's own list, each told once, with its end."""

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rota.notices.spec import Occasion
from tests.rota.expected.simulated_day import Span
from tests.rota.expected.test_simulated_day import days, spans
from tests.rota.watchdog.watched_day import WatchedDay

SLOTS = 96


@st.composite
def watched_days(draw: st.DrawFn) -> WatchedDay:
    """A third of a day on which much goes wrong."""
    day = draw(days(SLOTS))
    return WatchedDay(
        slots=SLOTS,
        outages=draw(spans(3, 4000)),
        pauses=draw(spans(2, 3000)),
        freezes=draw(spans(2, 3000)),
        slow=day.slow,
        failing=day.failing,
        catchup=day.catchup,
        window=day.window,
        check_every=draw(st.sampled_from([60, 130, 900])),
    )


@given(day=watched_days())
@settings(max_examples=12)
def test_alerts_of_a_day_of_trouble_agree_with_the_days_own_list(day: WatchedDay) -> None:
    """Each row of slots for which nothing ran is told once, and once when a run begins again."""
    day.live()
    expected = day.expected()
    opened = [news.alert for news in day.told if not news.resolved]
    over = {news.alert.key: news.alert for news in day.told if news.resolved}
    assert {each.kind for each in opened} <= {Occasion.MISSED}
    assert sorted(each.since for each in opened) == [first for first, _ in expected]
    told = Counter((news.alert.key, news.resolved) for news in day.told)
    assert set(told.values()) <= {1}, "each once"
    ended = {alert.since: alert.over for alert in over.values()}
    assert ended == {first: end for first, end in expected if end is not None}
    assert {alert.since for alert in day.memory.open} == {f for f, end in expected if end is None}


def test_watched_day_holds_every_kind_of_trouble() -> None:
    """The days above would prove little if nothing befell them; and a slow run is told of."""
    day = WatchedDay(
        slots=SLOTS,
        outages=(Span(3650, 1500),),
        pauses=(Span(10_001, 1000),),
        freezes=(Span(20_001, 1000),),
        slow={50: 2700, 80: 1700},
        window=timedelta(minutes=5),
    ).live()
    reasons = [news.alert.reason for news in day.told if not news.resolved]
    assert len(reasons) == 2, reasons
    assert "the server was not there" in reasons[0]
    assert "was at work at that time" in reasons[1]
    assert [news.resolved for news in day.told] == [False, True, False, True]
    assert day.memory.open == ()
