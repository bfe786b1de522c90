"""`github.*` against a strict fake: one effect for each key, and failures in plain words."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.providers.markers import hidden, marker_of
from activities.tools.github import PAGE, comment, create_issue, get_pull
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, ToolContext, ToolError
from tests.activities.tools.calling import call, context
from tests.fakes.github_server import DIFF, REPOSITORY, TOKEN, GitHubFake

MARK = hidden(marker_of("key-1"))


@pytest.fixture
def github() -> Iterator[GitHubFake]:
    """An empty repository."""
    with GitHubFake() as fake:
        yield fake


def at(github: GitHubFake, key: str = "key-1", token: str = TOKEN) -> ToolContext:
    """The context of a fleet that declares it."""
    block = {"token": "env:GITHUB_TOKEN", "base_url": github.url}
    return context(key=key, secrets={"env:GITHUB_TOKEN": token}, github=block)


async def open_issue(github: GitHubFake, key: str = "key-1", **args: Any) -> Any:
    """Call `github.create_issue`."""
    given = {"repository": REPOSITORY, "title": "Broken", "body": "It *is*.", **args}
    return await call(create_issue, at(github, key), **given)


async def test_issue_is_created_once_for_each_key(github: GitHubFake) -> None:
    """The same call again finds it; another key makes another issue."""
    first = await open_issue(github, labels=["bug"])
    again = await open_issue(github)
    other = await open_issue(github, "key-2")
    assert [made["number"] for made in (first, again, other)] == [1, 1, 2]
    assert [made["existed"] for made in (first, again, other)] == [False, True, False]
    assert first["url"].endswith("/issues/1")
    assert github.issues[0]["labels"] == ["bug"]
    assert github.issues[0]["body"] == f"It *is*.\n\n{MARK}"
    assert create_issue.effect is Effect.IDEMPOTENT


async def test_issue_whose_answer_was_lost_is_found_by_the_next_attempt(
    github: GitHubFake,
) -> None:
    """The failure says that it may be repeated, and the repeat makes no second one."""
    github.lose_answer("POST")
    with pytest.raises(StepError) as lost:
        await open_issue(github)
    assert lost.value.category.retryable
    assert lost.value.maybe_billed
    assert await open_issue(github) == {
        "number": 1,
        "url": github.issues[0]["html_url"],
        "existed": True,
    }
    assert len(github.issues) == 1


async def test_old_issue_is_found_by_the_search(github: GitHubFake) -> None:
    """Beyond the newest few hundred the list is not read; a re-run of months ago still finds."""
    await open_issue(github)
    for _ in range(3 * PAGE):
        github.add_issue("of somebody else")
    github.index()
    assert (await open_issue(github))["number"] == 1


async def test_two_attempts_at_once_leave_one_open_issue(github: GitHubFake) -> None:
    """The later one closes its own and answers with the first."""
    posted = github.reply

    def another_first(request: Any) -> Any:
        # Between the look and the creation, the other attempt creates its issue.
        if request.method == "POST" and not github.issues:
            github.add_issue(f"It *is*.\n\n{MARK}")
        return posted(request)

    github.reply = another_first
    made = await open_issue(github)
    assert (made["number"], made["existed"]) == (1, True)
    assert [issue["number"] for issue in github.open_issues] == [1]
    assert len(github.issues) == 2


async def test_marker_that_a_model_copied_is_not_taken_for_its_own(github: GitHubFake) -> None:
    """What a model read in another issue and repeats would be found in its place."""
    foreign = hidden(marker_of("key-2"))
    await open_issue(github, body=f"Quoted: {foreign}")
    assert foreign not in github.issues[0]["body"]
    assert (await open_issue(github, "key-2"))["number"] == 2


async def test_comment_is_made_once_for_each_key(github: GitHubFake) -> None:
    """Found among any number of others; a lost answer leaves no second one."""
    github.add_issue("x")
    for _ in range(PAGE + 5):
        github.add_comment(1, "of somebody else")
    args = {"repository": REPOSITORY, "number": 1, "body": "Looks good."}
    github.lose_answer("POST")
    with pytest.raises(StepError):
        await call(comment, at(github), **args)
    again = await call(comment, at(github), **args)
    other = await call(comment, at(github, "key-2"), **args)
    assert (again["existed"], other["existed"]) == (True, False)
    assert len(github.comments) == PAGE + 7


async def test_two_attempts_at_once_leave_one_comment(github: GitHubFake) -> None:
    """The later one deletes its own."""
    github.add_issue("x")
    posted = github.reply

    def another_first(request: Any) -> Any:
        if request.method == "POST" and not github.comments:
            github.add_comment(1, f"Hi\n\n{MARK}")
        return posted(request)

    github.reply = another_first
    made = await call(comment, at(github), repository=REPOSITORY, number=1, body="Hi")
    assert made["existed"]
    assert [c["id"] for c in github.comments] == [100]


async def test_pull_request_is_read_with_its_diff(github: GitHubFake) -> None:
    """What a reviewer needs, in one call."""
    pull = await call(get_pull, at(github), repository=REPOSITORY, number=7)
    assert (pull["title"], pull["author"], pull["body"]) == ("New", "ada", "")
    assert (pull["base"], pull["head"], pull["head_sha"]) == ("main", "new", "abc123")
    assert (pull["diff"], pull["diff_truncated"]) == (DIFF, False)


@pytest.mark.parametrize(
    ("status", "headers", "category", "wait"),
    [
        (403, {"retry_after": "7"}, FailureCategory.RATE_LIMITED, timedelta(seconds=7)),
        (429, {"retry_after": "7"}, FailureCategory.RATE_LIMITED, timedelta(seconds=7)),
        (
            403,
            {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9999999999"},
            FailureCategory.RATE_LIMITED,
            timedelta(hours=1),
        ),
        (403, {}, FailureCategory.AUTH, None),
        (502, {}, FailureCategory.TRANSIENT, None),
        (503, {}, FailureCategory.OVERLOADED, None),
    ],
)
async def test_failure_of_github_is_classified(
    github: GitHubFake,
    status: int,
    headers: dict[str, str],
    category: FailureCategory,
    wait: timedelta | None,
) -> None:
    """A limit is waited for as GitHub says, also where it says so by 403."""
    github.fail("GET", status, {"message": "no"}, **headers)
    with pytest.raises(StepError) as failed:
        await open_issue(github)
    assert (failed.value.category, failed.value.retry_after) == (category, wait)


async def test_token_that_is_refused_names_its_setting_and_not_itself(github: GitHubFake) -> None:
    """A person mends it; no model sees it."""
    with pytest.raises(StepError, match=r"credentials in fleet\.yaml") as failed:
        await call(get_pull, at(github, token="wrong-token"), repository=REPOSITORY, number=7)
    assert failed.value.category is FailureCategory.AUTH
    assert "wrong-token" not in str(failed.value)


@pytest.mark.parametrize("token", ["hush-hush\nX-Evil: 1", "hush-hush\u2026", " \n"])
async def test_token_that_no_header_carries_is_named_and_not_sent(
    github: GitHubFake, token: str
) -> None:
    """What was pasted wrongly is told by its key; a line's end beside it is left out."""
    with pytest.raises(StepError, match=r"github\.token: env:GITHUB_TOKEN is empty or") as failed:
        await call(get_pull, at(github, token=token), repository=REPOSITORY, number=7)
    assert failed.value.category is FailureCategory.AUTH
    assert "hush" not in str(failed.value)
    await call(get_pull, at(github, token=f"{TOKEN}\n"), repository=REPOSITORY, number=7)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"repository": "acme/nowhere"}, "404: Not Found"),
        ({"repository": "acme/.."}, "repository"),
        ({"repository": "../../users"}, "repository"),
        ({"repository": "acme/shop/issues"}, "repository"),
        ({"title": ""}, "title"),
        ({"body": "x" * 60_001}, "body"),
    ],
)
async def test_call_that_cannot_work_is_told_to_the_model(
    github: GitHubFake, args: dict[str, Any], words: str
) -> None:
    """A name that does not exist, or is made to lead to another path."""
    with pytest.raises((ToolError, ValueError), match=words):
        await open_issue(github, **args)
    assert github.count("POST") == 0


async def test_answer_of_another_shape_fails_by_name(github: GitHubFake) -> None:
    """An API that changed says which field is missing."""
    github.fail("POST", 201, {"id": 1})
    with pytest.raises(StepError, match="GitHub's answer has no usable number"):
        await open_issue(github)
