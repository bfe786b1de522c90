"""The morning report end to end: real figures, a real pipeline run, a real mail server."""

from pathlib import Path
from typing import Any

import pytest

from rota.failures import FailureCategory
from rota.pipelines.run import PipelineResult
from rota.runs import AgentRunResult, RunStatus
from rota.visibility import RESULT_MEMO
from tests.examples.morning import (
    SLOT,
    Watched,
    declare_morning,
    ends,
    mail_server,
    module,
    read_mail,
    text_of,
)
from tests.pipelines import result_of, run_pipeline
from tests.stack import Stack
from tests.workers.cli.command_line import rota


@pytest.fixture
def mailbox(tmp_path: Path) -> Any:
    """An empty mailbox that accepts everything."""
    return module("smtp_server").Mailbox(tmp_path / "mails")


async def play(stack: Stack, watched: Watched, smtp: str) -> PipelineResult:
    """One run of the pipeline, for a morning in the past."""
    async with stack.worker(watched.tools):
        name = await declare_morning(stack, smtp)
        return await run_pipeline(stack, name, f"{name}-1", slot=SLOT)


async def rerun(stack: Stack, run_id: str, begin: str) -> PipelineResult:
    """`rota rerun RUN --from BEGIN`: how the new run ends."""
    where = ("--address", stack.address, "--store", stack.store.address)
    queue = ("--task-queue", stack.task_queue)
    ended = await rota("rerun", run_id, "--from", begin, "--no-wait", "--json", *where, *queue)
    assert ended.code == 0, ended.err
    handle = stack.client.get_workflow_handle(ended.json["run_id"], result_type=PipelineResult)
    return await result_of(handle)


async def test_morning_report_is_made_and_mailed_once(stack: Stack, mailbox: Any) -> None:
    """On a good morning both run once, nobody is alarmed, and the mail holds the figures."""
    watched = Watched()
    with mail_server(mailbox) as smtp:
        result = await play(stack, watched, smtp)
    assert result.status is RunStatus.SUCCEEDED
    assert ends(result) == {
        "report": ("succeeded", 1),
        "email": ("succeeded", 1),
        "alarm": ("skipped", 0),
    }
    (mail,) = [read_mail(path) for path in mailbox.mails]
    assert mail["Subject"] == "Bank accounts on Wed 11 Nov 2026"
    assert "4,196,276.72" in text_of(mail)
    assert mail["Message-ID"] == result.nodes["email"].output["delivery"]["message_id"]


async def test_report_that_fails_twice_is_made_three_times_and_mailed_once(
    stack: Stack, mailbox: Any
) -> None:
    """The mail has the report made again before it gives up, and then goes out once."""
    watched = Watched(report_figures=2)
    with mail_server(mailbox) as smtp:
        result = await play(stack, watched, smtp)
    assert result.status is RunStatus.SUCCEEDED
    assert ends(result)["report"] == ("succeeded", 3)
    assert ends(result)["email"] == ("succeeded", 1)
    assert ends(result)["alarm"] == ("skipped", 0)
    assert watched.calls["report.figures"] == 3
    assert (mailbox.offered, len(mailbox.mails)) == (1, 1)


async def test_mail_that_is_refused_twice_is_tried_three_times_with_the_same_report(
    stack: Stack, mailbox: Any
) -> None:
    """The report is made once; three attempts at the mail leave exactly one in the box."""
    watched = Watched()
    mailbox.refuse = 2
    with mail_server(mailbox) as smtp:
        result = await play(stack, watched, smtp)
    assert result.status is RunStatus.SUCCEEDED
    assert ends(result)["report"] == ("succeeded", 1)
    assert ends(result)["email"] == ("succeeded", 3)
    assert watched.calls == {"report.figures": 1, "report.render": 1, "mail.send": 3}
    assert (mailbox.offered, len(mailbox.mails)) == (3, 1)


async def test_rerun_keeps_the_report_and_never_mails_twice(stack: Stack, mailbox: Any) -> None:
    """After a refusal for good the mail alone is run again; once sent, it stays sent."""
    watched = Watched()
    mailbox.refuse = 3
    with mail_server(mailbox) as smtp:
        async with stack.worker(watched.tools):
            name = await declare_morning(stack, smtp)
            failed = await run_pipeline(stack, name, f"{name}-1", slot=SLOT)
            assert (failed.status, len(mailbox.mails)) == (RunStatus.FAILED, 0)
            again = await rerun(stack, failed.run_id, "failed")
            once_more = await rerun(stack, again.run_id, "email")
    assert "451 4.3.0 out of disk space" in failed.nodes["email"].reason
    assert failed.nodes["alarm"].status is RunStatus.SUCCEEDED
    (alarm,) = (stack.folder / "state" / "alarms").iterdir()
    assert "email: failed" in alarm.read_text(encoding="utf-8")
    assert again.status is once_more.status is RunStatus.SUCCEEDED
    assert again.nodes["report"].kept
    assert once_more.nodes["report"].kept
    assert again.nodes["email"].output["delivery"]["sent_before"] is False
    # Not sent again: the receipt of the first time is the result.
    assert once_more.nodes["email"].output == again.nodes["email"].output
    assert watched.calls["report.figures"] == 1
    assert len(mailbox.mails) == 1


async def test_mail_of_unknown_outcome_is_told_as_such_and_never_sent_again(
    stack: Stack, mailbox: Any
) -> None:
    """The server takes the mail and the line goes dead: one attempt, one mail, an alarm."""

    class GoesDead(module("smtp_server").Mailbox):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            self.keep(envelope)
            server.transport.abort()
            return "250 nobody hears this"

    mailbox = GoesDead(mailbox.folder)
    watched = Watched()
    with mail_server(mailbox) as smtp:
        async with stack.worker(watched.tools):
            name = await declare_morning(stack, smtp)
            result = await run_pipeline(stack, name, f"{name}-1", slot=SLOT)
            described = await stack.client.get_workflow_handle(f"{name}-1/email").describe()
            first = AgentRunResult.model_validate((await described.memo())[RESULT_MEMO])
    assert result.status is RunStatus.FAILED
    assert result.nodes["email"].category is FailureCategory.OUTCOME_UNKNOWN
    assert "it may have gone out" in first.reason
    assert result.nodes["email"].attempts == 1
    assert "its effect is unknown, so it is not repeated" in result.nodes["email"].reason
    assert len(mailbox.mails) == 1
    assert result.nodes["alarm"].status is RunStatus.SUCCEEDED
