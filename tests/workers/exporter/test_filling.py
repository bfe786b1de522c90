"""Whatever is exported is in the closed list, and whatever is in the list is exported."""

import re
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from rota.budgets.model_use import ModelUse
from rota.metrics.kinds import Kind, Unit
from rota.metrics.listed import METRICS, MOST_ACCOUNTS
from rota.metrics.readings import KeeperReading
from rota.metrics.totals import MOST_MODELS, Totals, used
from rota.runs import RunStatus, Trigger
from rota.runtimes.breaker import Phase
from rota.usage import Usage
from rota.watchdog.archiving import ArchiveState
from rota.watchdog.memory import WatchMemory
from tests.house.repository import ROOT
from tests.prometheus import promtool
from tests.workers.exporter.snapshots import ACCOUNT, FULL, READING
from workers.exporter.exporter import registry_of
from workers.exporter.samples import EXPORTED, Samples, UnlistedError
from workers.exporter.snapshot import BreakerLook, Snapshot

EMPTY = replace(FULL, agents={"report": KeeperReading(model="claude")}, watched=None, breakers=())


def text_of(snapshot: Snapshot) -> str:
    """What a scrape gets."""
    return generate_latest(registry_of(snapshot)).decode()


def scraped(snapshot: Snapshot) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Series by name, by labels, as a scraper reads them; histograms by their three names."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text_of(snapshot)):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def value(snapshot: Snapshot, name: str, **labels: str) -> float | None:
    """One series' value; None if there is none."""
    return scraped(snapshot).get(name, {}).get(tuple(sorted(labels.items())))


def names_of(name: str) -> set[str]:
    """What Prometheus calls the series of a metric."""
    if METRICS[name].kind is not Kind.HISTOGRAM:
        return {name}
    return {f"{name}_bucket", f"{name}_count", f"{name}_sum"}


def test_look_with_everything_in_it_fills_the_list_and_nothing_beside_it() -> None:
    """Both ways: no series without a place in the list, no place without a series."""
    listed = set().union(*(names_of(name) for name in EXPORTED))
    assert set(scraped(FULL)) == listed


def test_every_series_has_the_labels_that_the_list_says() -> None:
    """With closed values where it says so; `le` is Prometheus' own."""
    series = scraped(FULL)
    for name, metric in EXPORTED.items():
        expected = [label.name for label in metric.labels]
        for labels in (each for part in names_of(name) for each in series[part]):
            told = dict(labels)
            told.pop("le", None)
            assert sorted(told) == sorted(expected), name
            for label in metric.closed:
                assert told[label.name] in label.values


def test_no_metric_is_labelled_with_what_grows_for_ever() -> None:
    """Runs, slots and keys belong in logs and traces."""
    forbidden = {"run", "run_id", "workflow_id", "slot", "session", "key", "trace_id"}
    labels = {label.name for metric in METRICS.values() for label in metric.labels}
    assert not labels & forbidden


@pytest.mark.parametrize("name", sorted(METRICS))
def test_name_tells_the_unit(name: str) -> None:
    """As Prometheus has it: base units, `_total` of what only grows, `_timestamp_` of times."""
    metric = METRICS[name]
    assert name.startswith("rota_")
    assert name.endswith("_total") == (metric.kind is Kind.COUNTER)
    bare = name.removesuffix("_total")
    assert bare.endswith("_dollars") == (metric.unit is Unit.DOLLARS)
    assert bare.endswith("_tokens") or metric.unit is not Unit.TOKENS or bare == "rota_tokens"
    assert bare.endswith("_timestamp_seconds") == (metric.unit is Unit.TIME)
    assert bare.endswith("_seconds") == (metric.unit in (Unit.SECONDS, Unit.TIME))
    assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)


@pytest.mark.parametrize(
    "name", sorted(name for name, each in EXPORTED.items() if each.kind is Kind.COUNTER)
)
def test_counter_of_a_new_agent_is_born_at_nought(name: str) -> None:
    """So that its first increase is one, and no alert meets nothing.

    But of agents that it has never called: nobody knows which those are.
    """
    series = scraped(EMPTY)[name] if name != "rota_handoffs_total" else {}
    combinations = 1
    for label in EXPORTED[name].closed:
        combinations *= len(label.values)
    if name == "rota_handoffs_total":
        assert name not in scraped(EMPTY)
    elif name == "rota_exporter_failures_total":
        assert len(series) == combinations
    else:
        assert len(series) == combinations
        assert set(series.values()) == {0}


def test_values_are_in_base_units() -> None:
    """Dollars and seconds, of what is kept in micro-dollars and milliseconds."""
    day, month = {"agent": "report", "window": "day"}, {"agent": "report", "window": "month"}
    assert value(FULL, "rota_cost_dollars_total", agent="report", model="claude") == 2.5
    assert value(FULL, "rota_unknown_cost_dollars_total", agent="report") == 0.5
    assert value(FULL, "rota_budget_left_dollars", **day) == 3.75
    assert value(FULL, "rota_budget_left_tokens", **month) == -5
    assert value(FULL, "rota_run_duration_seconds_sum", agent="report") == 41 * 60
    assert value(FULL, "rota_last_success_timestamp_seconds", agent="report") == FULL.at.timestamp()


def test_buckets_are_cumulative_up_to_all() -> None:
    """As Prometheus wants them."""
    name = "rota_run_duration_seconds_bucket"
    assert value(FULL, name, agent="report", le="30") == 0
    assert value(FULL, name, agent="report", le="60") == 1
    assert value(FULL, name, agent="report", le="3600") == 2
    assert value(FULL, name, agent="report", le="+Inf") == 2


def test_breakers_count_by_runtime_and_a_runtime_in_use_without_one_has_none() -> None:
    """An alert on open breakers has something to look at before the first opens."""
    assert value(FULL, "rota_breakers", runtime="anthropic", state="open") == 2
    assert value(FULL, "rota_breakers", runtime="bedrock", state="open") == 0
    assert value(FULL, "rota_breakers", runtime="cursor", state="half_open") == 1


def test_breaker_tells_its_account_and_the_open_ones_are_told_apart_first() -> None:
    """Beyond a hundred accounts they are one, which is open if any of them is."""
    name = "rota_breaker_open"
    assert value(FULL, name, runtime="anthropic", account="env:A") == 1
    assert value(FULL, name, runtime="cursor", account="env:C") == 1
    assert value(FULL, name, runtime="cursor", account="env:D") == 0
    closed = tuple(
        BreakerLook("cursor", f"env:{n}", Phase.CLOSED) for n in range(2 * MOST_ACCOUNTS)
    )
    opened = BreakerLook("cursor", "env:open", Phase.OPEN)
    crowd = replace(FULL, breakers=(*closed, opened))
    assert len(scraped(crowd)[name]) == MOST_ACCOUNTS + 1
    assert value(crowd, name, runtime="cursor", account="env:open") == 1
    assert value(crowd, name, runtime="cursor", account="other") == 0


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("waits", "rota_approvals_pending"),
        ("waits", "rota_runs_parked"),
        ("breakers", "rota_breakers"),
        ("watchdog", "rota_watchdog_alerts"),
        ("watchdog", "rota_watchdog_last_check_timestamp_seconds"),
        ("watchdog", "rota_slots_missed"),
    ],
)
def test_part_that_was_never_read_is_not_told_as_nought(part: str, name: str) -> None:
    """An alert would resolve on it; how old the part is says 0, which is another alert."""
    read = {each: at for each, at in FULL.read.items() if each != part}
    blind = replace(FULL, read=read)
    assert name in scraped(FULL)
    assert name not in scraped(blind)
    assert value(blind, "rota_exporter_last_look_timestamp_seconds", part=part) == 0
    assert (
        value(blind, "rota_exporter_last_look_timestamp_seconds", part="keepers")
        == FULL.at.timestamp()
    )


def test_archive_whose_every_attempt_fails_falls_behind() -> None:
    """Though nothing is known of its lag: since when it fails is known."""
    since = FULL.at - 7 * timedelta(hours=1)
    state = ArchiveState(at=FULL.at, lag_seconds=5, reason="the store is away", since=since)
    watched = WatchMemory(checked=FULL.at, archive=state)
    failing = replace(FULL, watched=watched)
    assert value(failing, "rota_archive_lag_seconds") == 7 * 3600
    assert value(failing, "rota_archive_trouble") == 1


def test_what_does_not_verify_is_counted_from_naught() -> None:
    """A fleet that has not verified yet says so; one that archives nothing says nothing."""
    assert value(FULL, "rota_audit_broken") == 1
    assert value(FULL, "rota_audit_verified_timestamp_seconds") == FULL.at.timestamp()
    new = replace(FULL, watched=WatchMemory(checked=FULL.at, archive=ArchiveState(at=FULL.at)))
    assert value(new, "rota_audit_broken") == 0
    assert value(new, "rota_audit_verified_timestamp_seconds") == 0
    without = replace(FULL, watched=WatchMemory(checked=FULL.at))
    assert "rota_audit_broken" not in scraped(without)


def test_paused_schedule_has_no_next_slot() -> None:
    """What the server would start is not started."""
    schedule = replace(FULL.schedules["report"], paused=True)
    paused = replace(FULL, schedules={"report": schedule})
    assert value(paused, "rota_schedule_next_timestamp_seconds", agent="report") == 0
    assert value(paused, "rota_schedule_paused", agent="report") == 1


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("rota_nonsense", {}),
        ("rota_agent_frozen", {}),
        ("rota_agent_frozen", {"agent": "a", "run": "r"}),
        ("rota_agent_frozen", {"run": "r"}),
        ("rota_runs_open", {"agent": "a", "state": "lost"}),
        ("rota_turn_duration_seconds", {"model": "m", "outcome": "ok"}),
    ],
)
def test_value_without_a_place_in_the_list_is_an_error(name: str, labels: dict[str, str]) -> None:
    """A new label value does not come into Prometheus by chance."""
    with pytest.raises(UnlistedError):
        Samples().put(name, 1, **labels)


@pytest.mark.prometheus
def test_scrape_passes_promtool(tmp_path: Path) -> None:
    """The judgement of Prometheus' own linter."""
    ended = promtool("check", "metrics", folder=tmp_path, told=text_of(FULL))
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def crowded(models: int) -> KeeperReading:
    """An agent whose provider calls itself something else each time."""
    totals = Totals(runs={RunStatus.SUCCEEDED: {Trigger.SCHEDULE: models}})
    for number in range(models):
        use = ModelUse(answers=1, micros=1, tokens=1, input_tokens=1)
        totals = used(totals, Usage(input_tokens=1, cost_micros=1), {f"model-{number}": use})
    return READING.model_copy(update={"totals": totals})


PLAIN = KeeperReading(
    team="default",
    runtime="anthropic",
    model="claude",
    runtimes=("anthropic",),
    account=ACCOUNT.model_copy(update={"limits": ()}),
)
"""An agent with one model and no limits."""


def weighed(reading: KeeperReading) -> tuple[int, int]:
    """Series of an agent on a schedule, and bytes of a scrape of a thousand such."""
    names = [f"agent-{number:04}" for number in range(1000)]
    schedules = dict.fromkeys(names, FULL.schedules["report"])
    fleet = replace(FULL, agents=dict.fromkeys(names, reading), schedules=schedules, waits={})
    text = text_of(fleet)
    return text.count(f'agent="{names[7]}"'), len(text)


def test_thousand_agents_weigh_what_the_page_says() -> None:
    """Series and megabytes, of plain agents and of those with as many models as are told apart.

    They grow with the agents that are declared, and with nothing else.
    """
    page = (ROOT / "docs" / "metrics.md").read_text()
    found = re.search(
        r"has (\d+) series.*?,000, and (\d+) MB.*?(\d+) series.*?(\d+) MB", page, re.S
    )
    assert found is not None
    told = [int(number) for number in found.groups()]
    began = time.perf_counter()
    measured = [*weighed(PLAIN), *weighed(crowded(100))]
    took = time.perf_counter() - began
    assert [measured[0], round(measured[1] / 1e6), measured[2], round(measured[3] / 1e6)] == told
    assert measured[2] < measured[0] + 5 * (MOST_MODELS + 2) + 10
    assert took < 30, "a scrape of a thousand agents would time out"
