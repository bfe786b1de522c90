"""The fleet that most pages speak of, and what has happened in it before they begin.

Pages name the same few agents: `report` works each morning, `reconciliation` asks before it books,
`night-check` compares with what was accepted. They are declared here as the pages tell, on a real
server with a real worker, under the very names that the pages write.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.docs.page_plans import REPORT, with_days
from tests.docs.reader import Desk
from tests.fakes.anthropic_answers import Answer, text
from tests.fakes.anthropic_server import AnthropicFake
from workers.devserver import dev_server, free_port

TOOLS = '''\
"""Tools of the office."""

from rota.tools import tool


@tool(name="books.read", effect="read")
def read(account: str) -> dict[str, int]:
    """Read the balance of an account."""
    return {"balance": 100}


@tool(name="books.note", effect="idempotent")
def note(text: str) -> str:
    """Note something in the books."""
    return f"noted {text}"


@tool(name="ledger.post", effect="write")
def post(account: str, amount: int) -> str:
    """Post an amount."""
    return f"posted {amount}"


@tool(name="bank.pay", effect="write")
def pay(to: str) -> str:
    """Pay somebody: the line breaks, and nobody knows what has become of it."""
    raise ConnectionError("the line broke in the middle")
'''
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}


def scripted(*turns: dict[str, Any]) -> dict[str, Any]:
    """A runtime that plays turns, each for some hundredths of a cent."""
    used = {"usage": {"input_tokens": 1000, "output_tokens": 100}}
    return {"kind": "scripted", "price": PRICE, "turns": [{**turn, **used} for turn in turns]}


def calls(tool: str, *arguments: dict[str, Any]) -> dict[str, Any]:
    """A turn that calls a tool, once with each."""
    return {"calls": [{"tool": tool, "args": args} for args in arguments]}


DONE = {"result": {"rows": "{input.rows|0}"}}
POSTS = calls("ledger.post", *({"account": f"DE{n}", "amount": 1000 * n} for n in (11, 12, 13)))


def agents(claude: str) -> list[dict[str, Any]]:
    """The declarations; `claude` is the URL of the model's provider."""
    return [
        {
            "name": "report",
            "team": "finance",
            "runtime": {
                "kind": "anthropic",
                "model": "claude-haiku-4-5",
                "base_url": claude,
                "api_key": "env:ANTHROPIC_API_KEY",
            },
            "instructions": "Report on the account.",
            "input": {"account": 4710},
            "tools": ["books.read", "books.note"],
            "schedule": {"cron": "0 6 * * *", "timezone": "UTC"},
            "budget": {"day_usd": 5},
        },
        {
            "name": "reconciliation",
            "team": "finance",
            "runtime": scripted(POSTS, DONE),
            "tools": ["ledger.post"],
            "approvals": {"ledger.post": "always"},
            "session": {"concurrency": "parallel"},
            "budget": {"run_usd": 1, "day_usd": 20},
        },
        {
            "name": "night-check",
            "runtime": scripted(DONE),
            "session": {"baseline": "manual"},
        },
        {
            "name": "payments",
            "runtime": scripted(calls("bank.pay", {"to": "somebody"}), DONE),
            "tools": ["bank.pay"],
            "session": {"concurrency": "parallel"},
        },
        {
            "name": "pulse",
            "description": "Is frozen, and misses its slots.",
            "runtime": scripted(DONE),
            "schedule": {"every": "10s"},
        },
        {
            "name": "digest",
            "runtime": scripted(DONE),
            "on": [{"event": "order.paid"}],
        },
        {"name": "triage", "runtime": scripted(DONE)},
    ]


TEAM: dict[str, Any] = {
    "kind": "Team",
    "name": "finance",
    "budget": {"day_usd": 20, "month_usd": 400},
}
FLEET: dict[str, Any] = {
    "name": "my-fleet",
    "audit": {"signing_key": "env:AUDIT_KEY", "retention": {"default": "400d"}},
    "watchdog": {"every": "1h"},
    "gateway": {"token": "env:GATEWAY_TOKEN", "decode": {"readers": {"ops": "env:DECODE_TOKEN"}}},
}
SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-test-0123456789",
    "AUDIT_KEY": "11" * 32,
    "DECODE_TOKEN": "decode-token-of-the-tests",
    "GATEWAY_TOKEN": "gateway-token-of-the-tests",
}
"""What the references of the fleet mean, by variable."""


BEGINNING = (
    "rota init my-fleet",
    "rota worker",
    "rota apply",
    f"rota run report --slot 2026-11-22T06:00:00Z --id {REPORT}",
    "rota freeze pulse --reason 'month end'",
    # The Watchdog has an alert.
    "rota pause report --note 'month end'",
    "rota watchdog --now || true",
    "rota resume report",
)
"""What has been typed before any page."""


def answer(fake: AnthropicFake, request: dict[str, Any]) -> Answer:
    """What the model of `report` says: it reads twice, notes something, and is done."""
    said = sum(message["role"] == "assistant" for message in request["messages"])
    if said < 2:
        return Answer((fake.tool_use("books__read", {"account": f"{said}"}),), "tool_use")
    if said < 3:
        return Answer((fake.tool_use("books__note", {"text": "all is well"}),), "tool_use")
    return Answer((text(json.dumps({"balance": 100})),))


def write_fleet(folder: Path, claude: str) -> None:
    """Write the office over what `rota init` has made."""
    (folder / "fleet.yaml").write_text(json.dumps(FLEET))
    (folder / "tools.py").write_text(TOOLS)
    (folder / "agents" / "hello.yaml").unlink()
    for declared in agents(claude):
        (folder / "agents" / f"{declared['name']}.yaml").write_text(json.dumps(declared))
    (folder / "agents" / "finance.yaml").write_text(json.dumps(TEAM))


@asynccontextmanager
async def open_office(desk: Desk, fleet: Path) -> AsyncIterator[Desk]:
    """Serve the office while the block lasts; yields a desk whose commands find it."""
    fake = AnthropicFake()
    fake.respond_with(lambda request: answer(fake, request))
    with fake:
        async with dev_server() as server:
            there = desk.told(
                TEMPORAL_ADDRESS=server.address,
                ROTA_FLEET=str(fleet),
                ROTA_STORE=str(fleet.parent / "store"),
                ROTA_GATEWAY_LISTEN=f"127.0.0.1:{free_port()}",
                OTHER_PORT=str(free_port()),
                **SECRETS,
            )
            async with there.shell(fleet.parent) as at:
                for command in BEGINNING:
                    if command == "rota worker":
                        write_fleet(fleet, fake.url)
                        await at.leave_running(command, "serving")
                        continue
                    ended = await at.type(with_days(command))
                    assert ended.code == 0, (command, ended.err)
                yield there
                assert not await at.interrupt()
