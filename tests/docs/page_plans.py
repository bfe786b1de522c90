"""What a page's commands need so that they run here as they stand, page by page.

A page shows ids, days, paths and addresses of an office. The office of the tests has the same
names; what cannot be the same is listed here, beside what must have happened before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

REPORT = "report-2026-11-22T06:00:00Z"
BOOKING = "reconciliation-2026-11-22T06:00:00Z"


@dataclass(frozen=True)
class Plan:
    """How a page is tried."""

    before: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is typed before a command, by its beginning."""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """What stands for something that the page writes; `$(…)` is asked for as it is needed."""
    ends: Mapping[str, int] = field(default_factory=dict[str, int])
    """Exit codes other than 0, by the beginning of the command."""
    leaves: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is not typed, by its beginning, and why."""


def days() -> dict[str, str]:
    """Days that pages write, and the same seen from today."""
    today = datetime.now(UTC).date()
    return {
        "2026-11-22": f"{today - timedelta(days=1)}",
        "2026-11-23": f"{today}",
        "2026-11-01": f"{today - timedelta(days=22)}",
        "2026-12-01": f"{today + timedelta(days=8)}",
        "2028-01-01": f"{today + timedelta(days=400)}",
    }


def with_days(text: str) -> str:
    """Put days of today's calendar in place of those that pages write."""
    return replaced(text, days())


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Put each value in place of what is written, all at once: one day may stand for another."""
    written = "|".join(map(re.escape, values))
    return re.sub(written, lambda found: values[found[0]], text) if values else text


def asked(run: str) -> str:
    """Start a run of `reconciliation`, and wait until its calls wait for a decision."""
    return (
        f"rota run reconciliation --id {run} --no-wait && "
        f"until rota approvals --json | grep -q {run}; do sleep 0.1; done"
    )


def unknown() -> str:
    """Lose an effect, and wait until its run asks about it."""
    return (
        "rota run payments --no-wait && "
        "until rota effects list --unknown --json | grep -q id; do sleep 0.1; done"
    )


ALERTS = {"rota watchdog": 1}
"""There are some: whoever asks is told by the exit code, too."""
KEYS = {"/etc/rota/keys": "$PWD/keys"}

OFFICE: dict[str, Plan] = {
    "docs/approvals.md": Plan(
        before={"rota approvals": asked(BOOKING), "temporal workflow query": asked("RUN")},
        values={"9f86d081884c": "$(rota approvals --json | field digest | cut -c 1-12)"},
    ),
    "docs/audit.md": Plan(),
    "docs/baseline.md": Plan(
        before={
            "rota baseline show": "rota run night-check",
            "rota baseline reject": "rota run night-check --input rows=7",
        },
    ),
    "docs/budgets.md": Plan(
        before={"rota budget raise reconciliation-": asked("reconciliation-2026-11-22T06:05:00Z")}
    ),
    "docs/coordination.md": Plan(),
    "docs/encryption.md": Plan(
        before={"rota keys check": "export ROTA_ENCRYPTION_KEYS=file:$PWD/keys"}, values=KEYS
    ),
    "docs/freezing.md": Plan(),
    "docs/gateway.md": Plan(
        values={
            "0.0.0.0:8080": "127.0.0.1:$OTHER_PORT",
            "https://rota.example.com": "http://$ROTA_GATEWAY_LISTEN",
        },
        before={"temporal workflow show": "rota run triage --id triage-hook-msg_2b"},
    ),
    "docs/importing.md": Plan(
        values={"/etc/crontab": "crontab"},
        before={
            "crontab -l": "rota init jobs && rm -r jobs/agents",
            "rota import crontab": "crontab -l | sed 's,/usr,root /usr,' >crontab",
            "rota import temporal-schedules": (
                "temporal schedule create --schedule-id nightly-export --interval 24h"
                " --type Export --task-queue exports --workflow-id nightly-export"
            ),
        },
    ),
    "docs/production.md": Plan(
        before={
            "mkdir": "mkdir deploy",
            "rota worker": "export ROTA_TASK_QUEUE=builds",
            "temporal worker deployment set-ramping": (
                "until temporal worker deployment describe --name rota | grep -q 2026.11.2;"
                " do sleep 0.1; done"
            ),
        }
    ),
    "docs/record.md": Plan(
        before={"rota missed": "until rota missed | grep -q pulse; do sleep 0.5; done"}
    ),
    "docs/retention.md": Plan(),
    "docs/watchdog.md": Plan(
        before={"rota watchdog": "rota pause report --note 'month end'; rota watchdog --now; :"},
        ends=ALERTS,
    ),
    "docs/what-if.md": Plan(
        before={
            "rota replay histories/": (
                f"mkdir histories && temporal workflow show -w {REPORT} -o json >histories/1.json"
            ),
            "rota backtest report --run": "mkdir prompts && echo Briefly. >prompts/shorter.md",
            "rota fork": "echo With care. >prompts/careful.md",
        }
    ),
    **{
        f"docs/runbooks/{name}.md": Plan(ends=ALERTS)
        for name in ("RotaAlwaysFiring", "RotaFleetSilent", "RotaKeepersUnheard", "RotaRunStuck")
    },
    "docs/runbooks/RotaApprovalWaiting.md": Plan(
        before={"rota approvals": asked("waiting")}, values={REPORT: "waiting"}
    ),
    "docs/runbooks/RotaArchiveLag.md": Plan(ends=ALERTS),
    "docs/runbooks/RotaAuditBroken.md": Plan(ends=ALERTS),
    "docs/runbooks/RotaEffectUnknown.md": Plan(
        before={"rota effects list": unknown(), "rota effects resolve 3f2a91c0 did": unknown()},
        values={"3f2a91c0": "$(rota effects list --unknown --json | field id | cut -c 1-8)"},
    ),
    "docs/runbooks/RotaGatewayGone.md": Plan(values={"127.0.0.1:8080": "$ROTA_GATEWAY_LISTEN"}),
    "docs/runbooks/RotaWatchdogAlert.md": Plan(ends=ALERTS),
}
"""Pages of the office that need something; the others need nothing."""

LAST = ("docs/freezing.md",)
"""Pages of the office that leave nothing to work with: everything is stopped."""

DEV = {"rota dev": "rota dev --port $PORT --ui-port $UI_PORT"}
AGENT = "{name: reconciliation, runtime: {kind: scripted, turns: [{result: 1}]}"
README = Plan(
    before={
        "rota dev": (
            f"echo '{AGENT}, emits: [reconciliation.completed], schedule: {{every: 1h}}}}'"
            " >agents/reconciliation.yaml; "
            "echo '{kind: Pipeline, name: morning-report, nodes: {it: {agent: reconciliation}}}'"
            " >agents/morning-report.yaml"
        ),
        "export ROTA_STORE": (
            "temporal schedule toggle --schedule-id reconciliation --unpause &&"
            " cd .. && export ROTA_FLEET=my-fleet"
        ),
    },
    values={**DEV, "s3://my-bucket/rota": "$PWD/my-fleet/.rota/store"},
)
TICKETS = {
    "ticket_server.py": "ticket_server.py --port $OTHER_PORT",
    "127.0.0.1:8642": "127.0.0.1:$OTHER_PORT",
}
EXAMPLES: dict[str, Plan] = {
    "code-review": Plan(values=DEV),
    "data-quality": Plan(
        before={"rota dev": "sed -i s/8642/$OTHER_PORT/ agents/*.yaml"},
        values={**TICKETS, **DEV},
        leaves=dict.fromkeys(
            (
                "python ticket_server.py --refuse",
                "rota run data-quality                              # fails",
                "rota baseline show data-quality                    # as before",
                "rota run data-quality                              # succeeds",
            ),
            "the second night once more: tests/examples/test_data_quality_nights.py",
        ),
    ),
    "morning-report": Plan(
        before={"rota dev": "sed -i s/8025/$OTHER_PORT/ agents/email.yaml"},
        values={**DEV, "smtp_server.py": "smtp_server.py --port $OTHER_PORT"},
        ends={"rota run morning-report --slot 2026-11-11": 1},
    ),
    "reconciliation": Plan(values=DEV),
}

LEFT_OUT: dict[str, str] = {
    "docker ": "no container engine",
    "kubectl ": "no cluster",
    "make ": "sets up an environment, or plays all tests",
    "npm ": "3 GB from a registry",
    "pip ": "a package index: tests/external/test_image.py installs it",
    "python -m tests.bench ": "takes minutes; tests/house/test_docs_scale.py has its figures",
    "ROTA_TEST_N8N=": "the same",
    "temporal server start-dev ": "a second server, with the UI",
}
"""Commands that nobody types here, by their beginning, with the reason. They are parsed."""

STAYS: dict[str, str] = {
    "rota dev": "Ctrl-C stops everything",
    "rota worker": "serving",
    "rota gateway": "serving",
    "python smtp_server.py": "listening",
    "python ticket_server.py": "http://",
}
"""Commands that stay until somebody ends them, and what they say once they are ready."""
