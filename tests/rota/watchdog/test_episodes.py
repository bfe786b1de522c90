"""Rows of what goes wrong: each told as one, also if parts of it are decided late."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rota.notices.spec import Occasion
from rota.watchdog.alerts import Alert, Finding, Scope, carry_on
from rota.watchdog.episodes import Mark, episodes
from tests.rota.keepers.desks import T0

MINUTE = timedelta(minutes=1)


def findings(row: str, known: list[Alert]) -> list[Finding]:
    """What a row comes to: `x` went wrong, `.` went well, `-` says neither, one a minute."""
    marks = [
        Mark(T0 + at * MINUTE, f"{at:03}", sign == "x")
        for at, sign in enumerate(row)
        if sign in "x."
    ]
    return [
        Finding(
            key=f"k/{each.name}",
            kind=Occasion.MISSED,
            agent="a",
            since=each.since,
            last=each.last.at,
            count=each.many,
            over=each.end.at if each.end else None,
        )
        for each in episodes(marks, known, "k/")
    ]


def told(*rows: str) -> list[tuple[int, bool]]:
    """What is told of a row as it is seen by one check after the other: since when, if over."""
    alerts, heard = list[Alert](), list[tuple[int, bool]]()
    for row in rows:
        alerts, news = carry_on(alerts, findings(row, alerts), Scope(["a"]), T0)
        heard += [((each.alert.since - T0) // MINUTE, each.resolved) for each in news]
    return heard


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        pytest.param([".x", ".xx", ".xxx."], [(1, False), (1, True)], id="one row, one alert"),
        pytest.param(["-xx", "xxx", "xxx."], [(1, False), (1, True)], id="its begin came late"),
        pytest.param(
            ["--xx", "x.xx", "x.xx."],
            [(2, False), (0, False), (0, True), (2, True)],
            id="another row before it came late",
        ),
        pytest.param(
            ["x-.", "xx.", "xx."],
            [(0, False), (0, True), (1, False), (1, True)],
            id="more of it came when it was over",
        ),
        pytest.param(["x..", "-..", "..."], [(0, False), (0, True)], id="and is judged no more"),
        pytest.param(["--x", "x--"], [(2, False)], id="nothing between: the same row"),
    ],
)
def test_row_is_told_once_and_once_when_it_is_over(
    rows: list[str], wanted: list[tuple[int, bool]]
) -> None:
    """However often it is gone through, and in whatever order it is decided."""
    assert told(*rows) == wanted


@given(row=st.text("x.-", max_size=30), data=st.data())
def test_what_is_told_of_a_row_does_not_depend_on_when_it_is_decided(
    row: str, data: st.DataObject
) -> None:
    """All that is bad lies in something told; what is well at the end has ended everything."""
    seen, alerts, heard = ["-"] * len(row), list[Alert](), list[tuple[str, bool]]()
    spans: dict[str, tuple[int, int]] = {}
    for at in data.draw(st.permutations(range(len(row)))):
        seen[at] = row[at]
        alerts, news = carry_on(alerts, findings("".join(seen), alerts), Scope(["a"]), T0)
        heard += [(each.alert.key, each.resolved) for each in news]
        for alert in alerts:
            last = alert.last or alert.since
            spans[alert.key] = ((alert.since - T0) // MINUTE, (last - T0) // MINUTE)
    assert len(set(heard)) == len(heard), "each once"
    if row.rstrip("-").endswith("."):
        assert [alert for alert in alerts if alert.is_open] == []
    elif "x" in row:
        assert len([alert for alert in alerts if alert.is_open]) == 1
