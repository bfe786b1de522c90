"""`jira.create_issue` against a strict fake: found again by its label, where Jira knows it."""

from typing import Any

import pytest

from activities.tools.jira import create_issue
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, ToolContext, ToolError
from tests.activities.tools.calling import call, context
from tests.fakes.jira_server import TOKEN, USER, JiraFake


def at(jira: JiraFake, key: str = "key-1", token: str = TOKEN) -> ToolContext:
    """The context of a fleet that declares it."""
    block = {"base_url": jira.url, "user": USER, "token": "env:JIRA_TOKEN"}
    return context(key=key, secrets={"env:JIRA_TOKEN": token}, jira=block)


async def create(jira: JiraFake, key: str = "key-1", **args: Any) -> Any:
    """Call the tool."""
    given = {"project": "OPS", "summary": "Broken", "description": "It is.", **args}
    return await call(create_issue, at(jira, key), **given)


async def test_issue_is_created_once_for_each_key() -> None:
    """The same call again finds it, also after an answer that never came."""
    with JiraFake() as jira:
        jira.lose_answer("POST")  # of the search: nothing was made
        with pytest.raises(StepError):
            await create(jira)
        first = await create(jira, labels=["night"])
        again = await create(jira)
        other = await create(jira, "key-2", issue_type="Bug")
    assert first == {"key": "OPS-1", "url": f"{jira.url}/browse/OPS-1", "existed": False}
    assert [again["key"], again["existed"]] == ["OPS-1", True]
    assert [other["key"], other["existed"]] == ["OPS-2", False]
    assert jira.issues[0]["fields"]["labels"][0] == "night"
    assert create_issue.effect is Effect.IDEMPOTENT


async def test_issue_that_the_search_does_not_know_yet_is_made_twice_and_found_later() -> None:
    """What is left open, and said in the docstring: an attempt within the index's delay."""
    with JiraFake(instant=False) as jira:
        await create(jira)
        assert (await create(jira))["key"] == "OPS-2"
        jira.index()
        assert (await create(jira))["key"] == "OPS-1"
    labels = [issue["fields"]["labels"] for issue in jira.issues]
    assert labels[0] == labels[1]


async def test_plain_text_becomes_a_document_of_paragraphs() -> None:
    """Lines stay lines, empty ones make paragraphs, no text is empty."""
    with JiraFake() as jira:
        await create(jira, summary="a\nb", description="one\ntwo\n\n\n\nthree\n")
        await create(jira, "key-2", description="")
    fields = jira.issues[0]["fields"]
    assert fields["summary"] == "a b"
    first, second = fields["description"]["content"]
    assert [node.get("text") for node in first["content"]] == ["one", None, "two"]
    assert [node.get("text") for node in second["content"]] == ["three"]
    assert jira.issues[1]["fields"]["description"]["content"] == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"project": "NOPE"}, "400"),
        ({"project": 'X" OR "1'}, "project"),
        ({"issue_type": "Epos"}, "400"),
        ({"labels": ["two words"]}, "labels"),
    ],
)
async def test_call_that_cannot_work_is_told_to_the_model(args: dict[str, Any], words: str) -> None:
    """Jira's words reach the model; a project's key cannot become a part of the query."""
    with JiraFake() as jira, pytest.raises((ToolError, ValueError), match=words):
        await create(jira, **args)
    assert jira.issues == []


async def test_token_with_a_lines_end_beside_it_is_taken_without() -> None:
    """As key files and pasted variables have it."""
    with JiraFake() as jira:
        at_end = at(jira, token=f"{TOKEN}\n")
        await call(create_issue, at_end, project="OPS", summary="x", description="")
    assert len(jira.issues) == 1


async def test_login_that_is_refused_names_its_setting() -> None:
    """A person mends it."""
    with JiraFake() as jira, pytest.raises(StepError, match="jira's credentials") as failed:
        await call(
            create_issue, at(jira, token="wrong"), project="OPS", summary="x", description=""
        )
    assert failed.value.category is FailureCategory.AUTH


async def test_limit_is_waited_for_as_jira_says() -> None:
    """Its retry-after travels with the failure."""
    with JiraFake() as jira:
        jira.fail("POST", 429, {"errorMessages": ["Rate limit exceeded."]}, retry_after="3")
        with pytest.raises(StepError) as failed:
            await create(jira)
    assert failed.value.category is FailureCategory.RATE_LIMITED
    assert failed.value.retry_after is not None
    assert failed.value.retry_after.total_seconds() == 3
