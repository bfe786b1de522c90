"""The tables of keys outside of the runtimes' pages: keys that exist, defaults that hold."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from rota.agent_spec import AgentSpec
from rota.approvals.business_hours import BusinessHours
from rota.approvals.requests import ApprovalDecision
from rota.approvals.spec import ApprovalRule
from rota.audit.audit_spec import AuditSpec
from rota.budgets.spec import BudgetSpec, TeamBudget
from rota.checks.spec import CheckSpec
from rota.coordination.spec import NeedSpec, SubscriptionSpec
from rota.fleet_file import FleetFile
from rota.hooks.gateway_spec import DecodeSpec, GatewaySpec, LinksSpec
from rota.hooks.spec import HookSpec
from rota.language.durations import format_duration, parse_duration
from rota.mcp_servers import McpServer
from rota.notices.spec import NotifySpec, Occasion
from rota.pipelines.spec import NodeSpec
from rota.runtimes.allowed_models import ModelsSpec
from rota.security.keyring import EncryptionSpec
from rota.watchdog.sla import SlaSpec
from rota.watchdog.watchdog_spec import WatchdogSpec
from tests.house.documentation import Table, quoted, tables
from tests.house.documented_keys import default_of, field_of
from tests.house.repository import ROOT

DECLARING = ROOT / "docs" / "declaring.md"
AUDIT = ROOT / "docs" / "audit.md"
WATCHDOG = ROOT / "docs" / "watchdog.md"
GATEWAY = ROOT / "docs" / "gateway.md"
ENCRYPTION = ROOT / "docs" / "encryption.md"
BUDGETS = ROOT / "docs" / "budgets.md"
EFFECTS = ROOT / "docs" / "effects.md"
TOOLS = ROOT / "docs" / "tools.md"
RECORD = ROOT / "docs" / "record.md"
APPROVALS = ROOT / "docs" / "approvals.md"
POLICY = ROOT / "docs" / "policy.md"
NOTIFICATIONS = ROOT / "docs" / "notifications.md"


def told(cell: str) -> str:
    """A default as a page tells it, in the form of `default_of`."""
    text = cell.strip("`")
    if text == "{}":
        return "none"
    try:
        return format_duration(parse_duration(text)) if text[-1:].isalpha() else text
    except ValueError:
        return text


def untrue(table: Table, model: type[BaseModel]) -> list[str]:
    """What a table says in a few words that the model does not.

    An empty cell says nothing of a default. Where it is told in words, or several keys share
    a row, only the keys are looked at.
    """
    found: list[str] = []
    for row in table.rows:
        keys = quoted(row[table.heading[0]])
        fields = {key: field_of(model, key) for key in keys}
        found += [f"there is no key '{key}'" for key, field in fields.items() if field is None]
        default = told(row["default"])
        for key, field in fields.items():
            in_words = not default or " " in default or len(keys) > 1
            if field is not None and not in_words and default != default_of(field):
                found.append(f"{key} is {default_of(field)}, not {default}")
    return found


@pytest.mark.parametrize(
    ("page", "heading", "first", "model"),
    [
        pytest.param(DECLARING, "key", "kind", AgentSpec, id="agent"),
        pytest.param(DECLARING, "key", "agent", NeedSpec, id="need"),
        pytest.param(DECLARING, "key", "event", SubscriptionSpec, id="event"),
        pytest.param(DECLARING, "key of a node", "agent", NodeSpec, id="node"),
        pytest.param(DECLARING, "key", "name", FleetFile, id="fleet.yaml"),
        pytest.param(POLICY, "key of `models`", "allow", ModelsSpec, id="models"),
        pytest.param(BUDGETS, "key of `budget`", "day_usd", BudgetSpec, id="budget"),
        pytest.param(BUDGETS, "key of a team's `budget`", "day_usd", TeamBudget, id="team"),
        pytest.param(TOOLS, "key", "command", McpServer, id="mcp server"),
        pytest.param(NOTIFICATIONS, "key of an entry", "on", NotifySpec, id="notify"),
        pytest.param(RECORD, "key of a check", "condition", CheckSpec, id="check"),
        pytest.param(WATCHDOG, "key of `watchdog`", "every", WatchdogSpec, id="watchdog"),
        pytest.param(WATCHDOG, "key of `sla`", "start_within", SlaSpec, id="sla"),
        pytest.param(GATEWAY, "key of `gateway`", "token", GatewaySpec, id="gateway"),
        pytest.param(GATEWAY, "key of `links`", "secret", LinksSpec, id="links"),
        pytest.param(GATEWAY, "key of `hook`", "secrets", HookSpec, id="hook"),
        pytest.param(GATEWAY, "key of `decode`", "readers", DecodeSpec, id="decode"),
        pytest.param(ENCRYPTION, "key of `encryption`", "keys", EncryptionSpec, id="encryption"),
        pytest.param(AUDIT, "key of `audit`", "signing_key", AuditSpec, id="audit"),
        pytest.param(EFFECTS, "key", "effects.on_unknown", AgentSpec, id="effects"),
        pytest.param(APPROVALS, "key of a rule", "when", ApprovalRule, id="approval"),
        pytest.param(APPROVALS, "key of `hours`", "days", BusinessHours, id="business hours"),
        pytest.param(APPROVALS, "key of a decision", "call", ApprovalDecision, id="decision"),
    ],
)
def test_table_of_keys_agrees_with_the_declarations_model(
    page: Path, heading: str, first: str, model: type[BaseModel]
) -> None:
    """Every key is one, and every default that is told is the one that holds."""
    table = next(
        table
        for table in tables(page)
        if table.heading[0] == heading and quoted(table.rows[0][heading])[0] == first
    )
    assert untrue(table, model) == []


def test_table_of_occasions_lists_all_with_what_is_told_by_default() -> None:
    """Whoever looks for what can be told finds all there is."""
    table = next(table for table in tables(NOTIFICATIONS) if table.heading[0] == "`on`")
    told = {Occasion(name): row["by default"] for row in table.rows for name in quoted(row["`on`"])}
    assert set(told) == set(Occasion)
    entry = NotifySpec(slack="env:HOOK")
    assert {each for each in Occasion if entry.wants(each)} == {
        each for each, default in told.items() if default != "no"
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(
            {"key": "`within`", "default": "`12h`"}, "within is 1d, not 12h", id="default"
        ),
        pytest.param({"key": "`withn`", "default": ""}, "there is no key 'withn'", id="name"),
    ],
)
def test_table_of_keys_with_a_mistake_is_told(row: dict[str, str], said: str) -> None:
    """What is looked for is found."""
    assert untrue(Table("page.md:1", ("key", "default"), (row,)), NeedSpec) == [said]
