"""Whoever is told that a call waits gets a link to decide by, and no history ever has it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.notify.approval_links import approval_links, linked
from activities.secrets import Secrets
from rota.approvals.links import AskedApproval
from rota.connections import Connections
from rota.fleet_file import FleetFile
from rota.ids import notifier_id
from rota.notices.facts import Channel, channels_of
from rota.notices.spec import NotifySpec, Occasion
from tests.approving import Ledger, calling, open_approvals, posting
from tests.fakes.hook_receiver import HookReceiver
from tests.rota.notices.notice_desk import fact, message
from tests.stack import Stack
from tests.workflows.gates import poll
from tests.workflows.notified import QUICK, hook

URL = "https://rota.example.com"
ASKED = AskedApproval(
    call="a1", digest="0123456789abcdef" * 4, until=datetime(2026, 11, 23, tzinfo=UTC)
)


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    """A receiver that takes everything."""
    with HookReceiver() as receiver:
        yield receiver


def fleet(secret: str | list[str], **more: Any) -> FleetFile:
    """A fleet with links."""
    given = {"name": "test", "gateway": {"url": URL, "links": {"secret": secret}}, **more}
    return FleetFile.model_validate(given)


def channel(**spec: Any) -> Channel:
    """The only channel of a declaration."""
    (found,) = channels_of(NotifySpec.model_validate(spec), "rota")
    return found


@pytest.mark.parametrize(
    ("to", "by"),
    [
        (channel(email=["kim@example.com"]), "kim@example.com"),
        (channel(email=["kim@example.com", "lou@example.com"]), ""),
        (channel(slack="env:SLACK"), ""),
    ],
)
def test_mail_to_one_person_names_who_decides(
    monkeypatch: pytest.MonkeyPatch, to: Channel, by: str
) -> None:
    """Of more, and of a room, nobody knows who reads it; no link of a result passes for ours."""
    monkeypatch.setenv("LINKS", "sixteen letters or more")
    links = approval_links(fleet("env:LINKS"), "default", Secrets())
    assert links is not None
    waits = fact("payer-1", Occasion.AWAITING_APPROVAL, approval=ASKED, links={"run": "https://ui"})
    forged = fact("payer-2", links={"decide": "https://evil.example.com"})
    first, second = linked(message(waits, forged), to, links).facts
    read = links.read(first.links["decide"].rpartition("/")[2], ASKED.until)
    assert (read.run, read.call, read.by) == ("payer-1", "a1", by)
    assert (list(first.links), second.links) == (["decide", "run"], {})


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (Connections(), None),
        (FleetFile(name="test"), None),
        (fleet("env:NO_SUCH_SECRET"), "has no NO_SUCH_SECRET"),
        (fleet(["env:LINKS", "env:NO_SUCH_SECRET"]), "has no NO_SUCH_SECRET"),
        (fleet("env:SHORT"), "shorter than 16 characters"),
    ],
)
def test_links_need_a_secret_that_is_there_and_long_enough(
    monkeypatch: pytest.MonkeyPatch, declared: Connections, told: str | None
) -> None:
    """Where none are declared there are none; nothing of a secret is told."""
    monkeypatch.setenv("LINKS", "sixteen letters or more")
    monkeypatch.setenv("SHORT", "fifteen letters")
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    if told is None:
        assert approval_links(declared, "default", Secrets()) is None
    else:
        with pytest.raises(LookupError, match=told) as caught:
            approval_links(declared, "default", Secrets())
        assert "fifteen" not in str(caught.value)


async def told(
    stack: Stack, receiver: HookReceiver, declared: FleetFile
) -> tuple[dict[str, Any], Any]:
    """The fact of a call that waits, as it was sent, and what the notifier notes of it."""
    stack.notifier_policy = QUICK
    ledger, agent = Ledger(), stack.name("payer")
    entry = hook(stack, receiver)
    async with stack.worker(ledger.tools, connections=declared):
        await stack.declare(
            agent,
            runtime=calling(posting("DE12")),
            tools=["ledger.post"],
            approvals={"ledger.post": {"timeout": "1h"}},
            notify=[entry],
        )
        handle = await stack.start(agent, f"{agent}-1", by="pat")
        await open_approvals(handle)

        async def sent() -> dict[str, Any] | None:
            facts = [each for got in receiver.taken for each in got.body["data"]["facts"]]
            return next((each for each in facts if each["run"] == handle.id), None)

        found = await poll(sent)
        (to,) = channels_of(NotifySpec.model_validate(entry), stack.task_queue)
        notifier = stack.client.get_workflow_handle(notifier_id(to.digest))

        async def noted() -> Any:
            state = await notifier.query("state")
            return state if state["facts"] else None

        note = (await poll(noted))["note"]
        histories = [await each.fetch_history() for each in (handle, notifier)]
        await handle.cancel()
    token = found["links"].get("decide", "nothing").rpartition("/")[2]
    assert not any(token in history.to_json() for history in histories)
    return found, note


async def test_fact_of_a_call_that_waits_has_a_link_which_no_history_holds(
    stack: Stack, receiver: HookReceiver, tmp_path: Path
) -> None:
    """It is made as the message is sent, and leads to the very request until its time is over."""
    (tmp_path / "links").write_text("sixteen letters or more")
    declared = fleet(f"file:{tmp_path / 'links'}")
    found, note = await told(stack, receiver, declared)
    links = approval_links(declared, "default", Secrets())
    assert links is not None
    assert re.fullmatch(rf"{URL}/approve/[\w.-]+", found["links"]["decide"])
    link = links.read(found["links"]["decide"].rpartition("/")[2], datetime.now(UTC))
    assert (link.run, link.call, link.by, note) == (found["run"], "a1", "", "")
    assert timedelta(minutes=50) < datetime.fromtimestamp(link.until, UTC) - datetime.now(UTC)
    assert found["approval"]["digest"].startswith(link.digest)


async def test_message_goes_out_without_a_link_where_the_secret_is_missing(
    stack: Stack, receiver: HookReceiver
) -> None:
    """People are told all the same, with the command; whoever looks after channels is told why."""
    found, note = await told(stack, receiver, fleet("file:/no/such/file"))
    assert "decide" not in found["links"]
    assert found["todo"].startswith("rota approve ")
    assert "without links to decide by (gateway.links): secret file:/no/such/file" in note
