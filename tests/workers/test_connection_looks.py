"""What the doctor asks the connections of a fleet: nothing is made, posted, sent or written."""

import asyncio
import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github_server import TOKEN as GITHUB_TOKEN
from tests.fakes.github_server import GitHubFake
from tests.fakes.jira_server import TOKEN as JIRA_TOKEN
from tests.fakes.jira_server import USER, JiraFake
from tests.fakes.mail_server import mail_server
from tests.fakes.postgres import postgres_server
from tests.fakes.slack_server import HOOK, SlackFake
from tests.fakes.slack_server import TOKEN as SLACK_TOKEN
from workers.checked_fleet import check_fleet
from workers.checks import Check
from workers.devserver import free_port
from workers.outside import check_outside

TOOLS = {
    "github": "github.comment",
    "jira": "jira.create_issue",
    "slack": "slack.post",
    "email": "email.send",
    "databases": "sql.query",
}
SECRET = "ROTA_LOOK_TOKEN"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that nobody takes, unless a test sets another."""
    monkeypatch.setenv(SECRET, "not-the-right-token")


async def looked(
    folder: Path, *tools: str, limit: timedelta = timedelta(seconds=20), **blocks: Any
) -> dict[str, Check]:
    """What is said of a fleet with these blocks, and an agent with the tools."""
    (folder / "agents").mkdir()
    (folder / "fleet.yaml").write_text(json.dumps({"name": "fleet", **blocks}))
    agent = {"name": "a", "runtime": {"kind": "scripted", "turns": [{"result": "done"}]}}
    listed = tools or [TOOLS[block] for block in blocks]
    (folder / "agents" / "a.yaml").write_text(json.dumps({**agent, "tools": listed}))
    checks = await check_outside(check_fleet(folder, datetime.now(UTC)), limit=limit)
    return {check.name.removeprefix("connection "): check for check in checks}


def github(url: str) -> dict[str, Any]:
    """The block of `fleet.yaml`."""
    return {"github": {"token": f"env:{SECRET}", "base_url": url}}


def jira(url: str) -> dict[str, Any]:
    """The block of `fleet.yaml`."""
    return {"jira": {"token": f"env:{SECRET}", "base_url": url, "user": USER}}


def slack(url: str) -> dict[str, Any]:
    """The block of `fleet.yaml`."""
    return {"slack": {"token": f"env:{SECRET}", "base_url": url}}


APIS = [
    pytest.param(github, GitHubFake, GITHUB_TOKEN, "takes the token of ada", id="github"),
    pytest.param(jira, JiraFake, JIRA_TOKEN, "takes the token of Ada Lovelace", id="jira"),
    pytest.param(slack, SlackFake, SLACK_TOKEN, "takes the token of rota in Acme", id="slack"),
]
api = pytest.mark.parametrize(("block", "fake", "right", "found"), APIS)


@api
async def test_api_says_whose_token_it_is_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: Any, fake: Any, right: str, found: str
) -> None:
    """One request, which changes nothing."""
    monkeypatch.setenv(SECRET, right)
    with fake() as server:
        (check,) = (await looked(tmp_path, **block(server.url))).values()
    assert (check.ok, check.found) == (True, found)
    assert [request.path for request in server.requests] in (
        [["/user"], ["/rest/api/3/myself"], ["/auth.test"]]
    )


@api
async def test_wrong_token_is_found_and_not_shown(
    tmp_path: Path, block: Any, fake: Any, right: str, found: str
) -> None:
    """Before a tool is called with it, and with a cure."""
    with fake() as server:
        (check,) = (await looked(tmp_path, **block(server.url))).values()
    assert not check.ok
    assert check.cure == "set the secret where the worker runs, or get a new one"
    assert "not-the-right-token" not in check.found


@api
async def test_api_out_of_reach_is_found(
    tmp_path: Path, block: Any, fake: Any, right: str, found: str
) -> None:
    """Nobody listens there."""
    checks = await looked(tmp_path, **block(f"http://127.0.0.1:{free_port()}"))
    (check,) = checks.values()
    assert not check.ok
    assert check.cure == "see that it is up, and that this machine reaches it"


async def test_token_of_an_app_is_well_although_it_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub refuses to say whose it is; that it is taken, another request tells."""
    monkeypatch.setenv(SECRET, GITHUB_TOKEN)
    with GitHubFake() as server:
        server.of_app = True
        (check,) = (await looked(tmp_path, **github(server.url))).values()
    assert (check.ok, check.found) == (True, "takes the token, which is no person's")


async def test_webhook_is_only_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be asked without a message that everybody reads."""
    with SlackFake() as server:
        monkeypatch.setenv(SECRET, f"{server.url}{HOOK}")
        (check,) = (await looked(tmp_path, slack={"webhook": f"env:{SECRET}"})).values()
    assert check.ok
    assert server.url not in check.found
    assert (server.requests, server.hooked) == ([], [])


async def test_mail_server_is_greeted_and_gets_no_mail(tmp_path: Path) -> None:
    """It answers, and that is all."""
    with mail_server() as mailbox:
        own = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "from": "r@x.org"}
        (check,) = (await looked(tmp_path, email=own)).values()
    assert (check.ok, check.found) == (True, f"127.0.0.1:{mailbox.port} answers; nobody logs in")
    assert mailbox.mails == []


async def test_mail_server_without_encryption_or_out_of_reach_is_found(tmp_path: Path) -> None:
    """The password is not sent to it."""
    login = {"user": "r", "password": f"env:{SECRET}", "from": "r@x.org", "host": "127.0.0.1"}
    with mail_server() as mailbox:
        (tmp_path / "plain").mkdir()
        plain = await looked(tmp_path / "plain", email={**login, "port": mailbox.port})
    (tmp_path / "gone").mkdir()
    gone = await looked(tmp_path / "gone", email={**login, "port": free_port()})
    assert "check email.security" in plain["email"].found
    assert "ConnectionRefusedError" in gone["email"].found
    assert not plain["email"].ok
    assert not gone["email"].ok


async def test_connections_that_never_answer_are_failed_checks_all_at_once(tmp_path: Path) -> None:
    """Whether their client waits in a thread or not."""
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        port = deaf.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        own = {"host": "127.0.0.1", "port": port, "security": "none", "from": "r@x.org"}
        blocks = {**github(url), **jira(url), **slack(url), "email": own}
        checks = await asyncio.wait_for(
            looked(tmp_path, limit=timedelta(milliseconds=500), **blocks), timeout=15
        )
    assert {name: check.found for name, check in checks.items()} == dict.fromkeys(
        ("github", "jira", "slack", "email"), "no answer within 500ms"
    )


async def test_each_database_is_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there, one that is not, and a server that is not."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as made:
        made.execute("CREATE TABLE sale (id)")
    monkeypatch.setenv(SECRET, f"postgresql://rota:hush-hush@127.0.0.1:{free_port()}/shop")
    urls = {"shop": "sqlite:///shop.db", "lost": "sqlite:///lost.db", "far": f"env:{SECRET}"}
    blocks = {name: {"url": url} for name, url in urls.items()}
    checks = await looked(tmp_path, databases=blocks)
    assert {name: check.ok for name, check in checks.items()} == {
        "databases.shop": True,
        "databases.lost": False,
        "databases.far": False,
    }
    assert "there is no file lost.db" in checks["databases.lost"].found
    assert "hush-hush" not in checks["databases.far"].found


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a database on a real server."""
    with postgres_server() as url:
        yield url


async def test_database_on_a_server_is_read_from_and_one_that_is_not_there_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    """As its real server says it."""
    monkeypatch.setenv(SECRET, postgres)
    monkeypatch.setenv("ROTA_LOOK_OTHER", postgres.replace("/postgres?", "/none?"))
    blocks = {"here": {"url": f"env:{SECRET}"}, "none": {"url": "env:ROTA_LOOK_OTHER"}}
    checks = await looked(tmp_path, databases=blocks)
    assert checks["databases.here"].ok, checks
    assert "does not exist" in checks["databases.none"].found


async def test_connection_that_no_tool_works_with_is_left_alone(tmp_path: Path) -> None:
    """Its secret may be on no machine at all."""
    assert await looked(tmp_path, "memory.update", **github("http://127.0.0.1:9")) == {}
