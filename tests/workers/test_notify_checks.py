"""What the doctor says of channels: looked at without a message, and as the workers find them."""

from pathlib import Path

from schedules.fleet import Fleet, load_fleet
from tests.fakes.hook_receiver import HookReceiver
from tests.rota.notices.notice_desk import fact
from tests.schedules.fleet_folder import AGENT, write
from tests.stack import Stack
from tests.workflows.notified import QUICK, SECRET, Line
from workers.checks import Check
from workers.looks import take_all
from workers.notify_checks import check_notifiers, fleet_channels, notify_looks

PIPELINE = "kind: Pipeline\nname: night\nnodes: {a: {agent: x}}\n"


def fleet(folder: Path, receiver: HookReceiver, more: str = "") -> Fleet:
    """A fleet whose agent and pipeline tell the same receiver; and who else is named."""
    (folder / "key").write_text(SECRET)
    entry = f"{{webhook: {{url: '{receiver.url}', secret: 'file:{folder / 'key'}'}}}}"
    write(folder, "agents/x.yaml", f"{AGENT}notify: [{entry}{more}]\n")
    write(folder, "pipelines/night.yaml", f"{PIPELINE}notify: [{entry}]\n")
    return load_fleet(folder)


async def looked_at(fleet: Fleet) -> dict[str, Check]:
    """Take the looks, as the doctor does."""
    return {check.name: check for check in await take_all(notify_looks(fleet))}


async def test_each_channel_is_looked_at_once_and_gets_no_message(tmp_path: Path) -> None:
    """However many declarations name it."""
    with HookReceiver() as receiver:
        (check,) = (await looked_at(fleet(tmp_path, receiver))).values()
        assert check.ok
        assert "its host answers" in check.found
        assert (receiver.taken, receiver.refused) == ([], 0)


async def test_secret_that_is_not_there_is_told_with_its_cure(tmp_path: Path) -> None:
    """The name of the secret, and where it belongs."""
    with HookReceiver() as receiver:
        missing = ", {slack: env:ROTA_TEST_NO_SUCH_HOOK}"
        checks = await looked_at(fleet(tmp_path, receiver, missing))
    check = checks["notify slack env:ROTA_TEST_NO_SUCH_HOOK"]
    assert not check.ok
    assert "has no ROTA_TEST_NO_SUCH_HOOK" in check.found
    assert "where the workers run" in check.cure


async def test_channel_of_an_escalation_is_looked_at(tmp_path: Path) -> None:
    """It is needed in the night in which nobody has decided."""
    rule = "{escalate: {after: 1h, notify: [{slack: env:ROTA_TEST_NO_SUCH_HOOK}]}}"
    tools = f"tools: [memory.update]\napprovals: {{memory.update: {rule}}}\n"
    write(tmp_path, "agents/x.yaml", AGENT + tools)
    (check,) = (await looked_at(load_fleet(tmp_path))).values()
    assert "has no ROTA_TEST_NO_SUCH_HOOK" in check.found


async def test_channel_that_takes_nothing_is_told_as_the_workers_found_it(
    stack: Stack, tmp_path: Path
) -> None:
    """From here it may look well; one that nobody has told anything is not worth a word."""
    stack.notifier_policy = QUICK
    with HookReceiver() as receiver:
        declared = fleet(tmp_path, receiver)
        (channel,) = fleet_channels(declared, stack.task_queue)
        entries = declared.agents["x"].spec.notify
        assert entries
        line = Line(stack, entries[0].model_dump(mode="json"))
        assert line.channel == channel
        assert await check_notifiers(stack.client, declared, stack.task_queue) == []
        receiver.status = 403
        async with stack.worker():
            await line.post(fact("a"))
            await line.in_trouble()
            (check,) = await check_notifiers(stack.client, declared, stack.task_queue)
    assert not check.ok
    assert check.name == f"notifications to {channel.label}"
    assert "answered 403" in check.found
