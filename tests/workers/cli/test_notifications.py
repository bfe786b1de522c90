"""`rota notifications`: channels as their notifiers tell of them."""

from datetime import timedelta

import pytest

from rota.notices.spec import Occasion
from tests.fakes.hook_receiver import HookReceiver
from tests.rota.notices.notice_desk import fact
from tests.stack import Stack, script
from tests.workers.cli.command_line import Ended, rota
from tests.workflows.gates import poll
from tests.workflows.notified import QUICK, Line, hook, slack
from workers.cli.exit_codes import ExitCode

pytestmark = pytest.mark.usefixtures("only_here")


async def notifications(stack: Stack, *arguments: str) -> Ended:
    """Run the command against the stack's corner of the server."""
    options = ("--address", stack.address, "--store", stack.store.address)
    return await rota("notifications", *arguments, *options, "--task-queue", stack.task_queue)


async def test_notifications_lists_what_was_told_and_what_is_wrong(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that takes nothing stands beside one that does, with the reason."""
    monkeypatch.setenv("COLUMNS", "300")
    stack.notifier_policy = QUICK
    with HookReceiver() as receiver, HookReceiver() as closed:
        closed.status, closed.text = 404, "no_service"
        good = Line(stack, hook(stack, receiver))
        bad = Line(stack, slack(stack.folder, closed))

        async def listed() -> list[dict[str, object]] | None:
            ended = await notifications(stack, "--json")
            rows = [row for row in ended.json if row.get("task_queue") == stack.task_queue]
            return rows if len(rows) == 2 else None

        async with stack.worker():
            await good.post(fact("a"), fact("b"))
            await bad.post(fact("a"))
            await good.told(2)
            await bad.in_trouble()
            rows = {str(row["channel"]): row for row in await poll(listed)}
            table = await notifications(stack)
    taken, refused = rows[good.channel.label], rows[bad.channel.label]
    assert (taken["facts"], taken["messages"], taken["waiting"]) == (2, 1, 0)
    assert taken["trouble"] is None
    assert (refused["facts"], refused["waiting"]) == (0, 1)
    assert "answered 404: no_service" in str(refused["trouble"])
    (line,) = [line for line in table.out.splitlines() if line.startswith(good.channel.label)]
    assert line.split()[2:4] == ["2", "1"]
    assert "no_service" in table.out
    assert "hidden-part" not in table.out


async def test_show_of_a_run_tells_which_channels_have_heard_of_its_end(stack: Stack) -> None:
    """Announced is a truth of its own: the channel's word, not the run's."""
    stack.notifier_policy, name = QUICK, stack.name("report")
    with HookReceiver() as receiver:
        entry = hook(stack, receiver, Occasion.SUCCEEDED)
        line = Line(stack, entry)
        async with stack.worker():
            await stack.declare(name, runtime=script({"result": "done"}), notify=[entry])
            await stack.run(name, f"{name}-1")
            await line.told(1)
            options = ("--address", stack.address, "--store", stack.store.address)
            shown = (await rota("show", f"{name}-1", "--json", *options)).json
    (receipt,) = shown["told"]
    assert (receipt["channel"], receipt["told"]) == (line.channel.label, True)
    assert shown["truths"]["announced"] == {"state": "yes", "at": receipt["at"]}
    assert shown["truths"]["admitted"]["at"] is not None


async def test_notifications_without_a_worker_ends_with_3(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels are there, and nobody can tell of them."""
    monkeypatch.setattr("workers.cli.roll_call.PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr("workers.cli.notifications.NOTIFIERS", f"TaskQueue = '{stack.task_queue}'")
    assert (await notifications(stack)).code == ExitCode.OK
    stack.notifier_policy = QUICK
    with HookReceiver() as receiver:
        line = Line(stack, hook(stack, receiver))
        async with stack.worker():
            await line.post(fact("a"))
            await line.told(1)
    monkeypatch.setattr("workers.cli.notifications.NOTIFIERS", f"WorkflowId = '{line.handle.id}'")

    async def unanswered() -> Ended | None:
        ended = await notifications(stack)
        return ended if ended.code == ExitCode.NO_SERVER else None

    assert "start one with 'rota worker'" in (await poll(unanswered)).err
