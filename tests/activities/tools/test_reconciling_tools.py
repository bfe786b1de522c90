"""Built-in tools that can look: what a call made is found by its key, and nothing is guessed."""

from typing import Any

import pytest

from activities.tools import github, jira, slack
from activities.tools.call import ask_reconcile, check_arguments
from rota.failures import StepError
from rota.tools import Reconciled, ToolContext, ToolDefinition
from tests.activities.tools.calling import call, context
from tests.fakes import slack_server
from tests.fakes.github_server import REPOSITORY, GitHubFake
from tests.fakes.github_server import TOKEN as GITHUB_TOKEN
from tests.fakes.jira_server import TOKEN as JIRA_TOKEN
from tests.fakes.jira_server import USER, JiraFake


async def looked(tool: ToolDefinition, at: ToolContext, **args: Any) -> Reconciled:
    """Look as a run does."""
    return await ask_reconcile(tool, check_arguments(tool, args), at)


def at_github(fake: GitHubFake, key: str = "key-1") -> ToolContext:
    """A fleet with GitHub."""
    block = {"token": "env:TOKEN", "base_url": fake.url}
    return context(key=key, secrets={"env:TOKEN": GITHUB_TOKEN}, github=block)


async def test_github_finds_the_issue_and_the_comment_of_a_call_and_no_others() -> None:
    """The key tells: another call's issue is none of this one's."""
    with GitHubFake() as fake:
        at, other = at_github(fake), at_github(fake, "key-2")
        issue = {"repository": REPOSITORY, "title": "Broken", "body": "It is."}
        before = await looked(github.create_issue, at, **issue)
        made = await call(github.create_issue, at, **issue)
        found = await looked(github.create_issue, at, **issue)
        words = {"repository": REPOSITORY, "number": made["number"], "body": "Seen."}
        await call(github.comment, at, **words)
        comment = await looked(github.comment, at, **words)
        nothing = await looked(github.comment, other, **words)
    assert (before.happened, nothing.happened) == (None, None)
    assert found == Reconciled(True, {**made, "existed": True})
    assert comment.happened is True
    assert comment.result["existed"] is True


async def test_jira_finds_the_issue_of_a_call() -> None:
    """By its label, once the search knows it."""
    with JiraFake() as fake:
        block = {"base_url": fake.url, "user": USER, "token": "env:TOKEN"}
        at = context(secrets={"env:TOKEN": JIRA_TOKEN}, jira=block)
        issue = {"project": "OPS", "summary": "Broken", "description": "It is."}
        before = await looked(jira.create_issue, at, **issue)
        made = await call(jira.create_issue, at, **issue)
        found = await looked(jira.create_issue, at, **issue)
    assert before.happened is None
    assert found == Reconciled(True, {**made, "existed": True})


async def test_slack_finds_the_message_of_a_call() -> None:
    """By its metadata; a service that fails while it is asked says so."""
    with slack_server.SlackFake() as fake:
        block = {"token": "env:TOKEN", "base_url": fake.url}
        at = context(secrets={"env:TOKEN": slack_server.TOKEN}, slack=block)
        message = {"channel": slack_server.CHANNEL, "text": "Done."}
        before = await looked(slack.post, at, **message)
        made = await call(slack.post, at, **message)
        found = await looked(slack.post, at, **message)
        fake.fail("GET", 503, {"ok": False})
        with pytest.raises(StepError):
            await looked(slack.post, at, **message)
    assert before.happened is None
    assert found == Reconciled(True, {**made, "existed": True})
