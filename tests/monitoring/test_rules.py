"""Alerts: each fires, keeps silent and resolves as its cases say, and has a page that helps."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rota.metrics.listed import METRICS
from tests.house.documentation import cells
from tests.house.repository import ROOT
from tests.monitoring.committed import PROMETHEUS, RUNBOOKS, alerts, rules
from tests.monitoring.promql import RISES, uses
from tests.monitoring.test_boards import (
    ADDED,
    KNOWN,
    OF_THE_SDK,
    PROMETHEUS_OWN,
    only_rises,
    recorded,
)
from tests.prometheus import promtool

CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
NAMES = sorted({rule["alert"] for rule in alerts()})
LEVELS = {"page", "ticket", "none"}
NEVER_RESOLVES = {"RotaAlwaysFiring"}


def evaluations(file: Path) -> list[list[dict[str, Any]]]:
    """What is expected of an alert, by case, in order."""
    tests = yaml.safe_load(file.read_text())["tests"]
    return [test["alert_rule_test"] for test in tests]


@pytest.mark.prometheus
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_alert_fires_keeps_silent_and_resolves(file: Path) -> None:
    """As promtool plays it, with its labels and its words."""
    ended = promtool("test", "rules", file.name, folder=file.parent)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.prometheus
def test_configuration_and_rules_are_taken_by_prometheus() -> None:
    """The rules with it; the file with the token is where it is deployed."""
    ended = promtool("check", "config", "--syntax-only", "prometheus.yml", folder=PROMETHEUS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    files = [str(file) for file in sorted((PROMETHEUS / "rules").glob("*.yaml"))]
    ended = promtool("check", "rules", "--lint-fatal", *files, folder=PROMETHEUS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_has_cases_in_which_it_is_silent_fires_and_resolves() -> None:
    """By name: what is not tried may never fire, or never end."""
    assert [file.stem for file in CASES] == NAMES
    for file in CASES:
        tried: set[str] = set()
        for case in evaluations(file):
            assert {each["alertname"] for each in case} == {file.stem}
            fires = ["fires" if each["exp_alerts"] else "silent" for each in case]
            tried.add(" ".join(fires))
            for each in case:
                for alert in each["exp_alerts"]:
                    assert alert["exp_annotations"]["summary"]
        if file.stem not in NEVER_RESOLVES:
            assert any(re.search("silent fires.* silent", each) for each in tried), file.stem


def test_every_rule_of_an_alert_fires_in_a_case() -> None:
    """Of an alert with several rules each: their severities and fixed labels are all seen."""
    seen: set[tuple[str, ...]] = set()
    for file in CASES:
        for case in evaluations(file):
            for alert in (alert for each in case for alert in each["exp_alerts"]):
                labels = alert["exp_labels"]
                seen.add((file.stem, labels["severity"], labels.get("window", "")))
    for rule in alerts():
        labels = rule["labels"]
        found = {each for each in seen if each[:2] == (rule["alert"], labels["severity"])}
        assert found, rule["alert"]
        assert labels.get("window") is None or labels["window"] in {each[2] for each in found}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alert_says_how_bad_it_is_what_is_wrong_and_where_it_is_told(rule: dict[str, Any]) -> None:
    """Severity, summary, description, and the page."""
    assert rule["labels"]["severity"] in LEVELS
    told = rule["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    assert not told["summary"].endswith(".")
    assert told["description"].endswith(".")
    assert told["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert (ROOT / told["runbook_url"]).is_file()


def test_every_page_is_about_an_alert_and_helps() -> None:
    """What it means, what to look at with which command, how to mend it; and none without alert."""
    assert sorted(page.stem for page in RUNBOOKS.iterdir()) == NAMES
    for page in RUNBOOKS.iterdir():
        text = page.read_text()
        headings = re.findall(r"^#+ (.*)", text, re.M)
        assert headings == [page.stem, "What it means", "What to look at", "How to mend it"]
        assert re.search(r"^rota ", text, re.M), page
        levels = {rule["labels"]["severity"] for rule in alerts() if rule["alert"] == page.stem}
        assert set(re.findall(r"`(?:severity: )?(\w+)`", text.splitlines()[2])) == levels


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rule_asks_for_what_there_is_and_reads_counters_through_their_rise(
    rule: dict[str, Any],
) -> None:
    """Except whether a counter has just appeared: from nothing there is no rise."""
    for use in uses(rule["expr"]):
        name = use.metric(KNOWN)
        assert name in KNOWN or name in PROMETHEUS_OWN | recorded()
        assert (use.through in RISES or use.is_first_seen) == only_rises(use), use
        if name in METRICS:
            known = {label.name for label in METRICS[name].labels}
            assert use.labels <= known | ADDED | OF_THE_SDK


def test_jobs_that_alerts_name_are_those_that_are_scraped() -> None:
    """`up{job=~…}` of a job that nobody scrapes is silent for ever, or never."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    scraped = {job["job_name"] for job in config["scrape_configs"]}
    named = {job for rule in rules() for job in re.findall(r'job=~"([\w-]+)\.\*"', rule["expr"])}
    assert named
    assert named <= scraped


def test_page_of_monitoring_lists_every_alert() -> None:
    """With how bad it is, and a link to its page."""
    text = (ROOT / "docs" / "monitoring.md").read_text()
    rows = [cells(line) for line in text.splitlines() if line.startswith("| [Rota")]
    told = {re.findall(r"\[(\w+)\]", name)[0]: levels for name, levels, *_ in rows}
    wanted = {
        name: ", ".join(
            dict.fromkeys(each["labels"]["severity"] for each in alerts() if each["alert"] == name)
        )
        for name in NAMES
    }
    assert told == wanted
