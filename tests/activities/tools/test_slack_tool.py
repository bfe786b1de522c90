"""`slack.post` against a strict fake: a bot finds its message again, a webhook cannot."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.providers.markers import marker_of
from activities.tools.open import builtin_tools
from activities.tools.slack import EVENT_TYPE, PAGE, post, post_by_webhook
from rota.failures import FailureCategory, StepError
from rota.tools import Effect, ToolContext, ToolError
from tests.activities.tools.calling import call, context
from tests.fakes.slack_server import CHANNEL, HOOK, TOKEN, SlackFake
from workers.cli.logs import log_to_stderr

OURS = {"event_type": EVENT_TYPE, "event_payload": {"key": marker_of("key-1")}}


@pytest.fixture
def slack() -> Iterator[SlackFake]:
    """A channel without messages."""
    with SlackFake() as fake:
        yield fake


def bot(slack: SlackFake, key: str = "key-1", token: str = TOKEN) -> ToolContext:
    """The context of a fleet with a bot."""
    block = {"token": "env:SLACK", "base_url": slack.url}
    return context(key=key, secrets={"env:SLACK": token}, slack=block)


def hook(slack: SlackFake) -> ToolContext:
    """The context of a fleet with a webhook."""
    secrets = {"env:HOOK": f"{slack.url}{HOOK}"}
    return context(secrets=secrets, slack={"webhook": "env:HOOK"})


async def test_message_is_posted_once_for_each_key(slack: SlackFake) -> None:
    """Found again among other messages, also after an answer that never came."""
    slack.lose_answer("POST")
    with pytest.raises(StepError) as lost:
        await call(post, bot(slack), channel=CHANNEL, text="Done.")
    assert lost.value.category.retryable
    for _ in range(PAGE + 1):
        slack.add_message("of somebody else")
    again = await call(post, bot(slack), channel=CHANNEL, text="Done.")
    other = await call(post, bot(slack, "key-2"), channel=CHANNEL, text="Done.")
    assert (again["existed"], other["existed"]) == (True, False)
    assert [m["text"] for m in slack.messages].count("Done.") == 2


async def test_two_attempts_at_once_leave_one_message(slack: SlackFake) -> None:
    """The later one deletes its own."""
    answer = slack.reply

    def another_first(request: Any) -> Any:
        if request.path == "/chat.postMessage" and not slack.messages:
            slack.add_message("Done.", metadata=OURS)
        return answer(request)

    slack.reply = another_first
    posted = await call(post, bot(slack), channel=CHANNEL, text="Done.")
    assert posted["existed"]
    assert [message["ts"] for message in slack.messages] == [posted["ts"]]


@pytest.mark.parametrize(
    ("problem", "category", "words"),
    [
        ("invalid_auth", FailureCategory.AUTH, "check slack.token"),
        ("missing_scope", FailureCategory.AUTH, "needs channels:history"),
        ("ratelimited", FailureCategory.RATE_LIMITED, "ratelimited"),
        ("internal_error", FailureCategory.TRANSIENT, "internal_error"),
    ],
)
async def test_failure_with_status_200_is_classified(
    slack: SlackFake, problem: str, category: FailureCategory, words: str
) -> None:
    """Slack says so in the body; what cannot be mended by waiting names the setting."""
    data = {"ok": False, "error": problem}
    if problem == "missing_scope":
        data["needed"] = "channels:history"
    slack.fail("GET", 200, data)
    with pytest.raises(StepError, match=words) as failed:
        await call(post, bot(slack), channel=CHANNEL, text="x")
    assert failed.value.category is category


async def test_limit_is_waited_for_as_slack_says(slack: SlackFake) -> None:
    """Its retry-after travels with the failure."""
    slack.fail("GET", 429, {"ok": False, "error": "ratelimited"}, retry_after="30")
    with pytest.raises(StepError) as failed:
        await call(post, bot(slack), channel=CHANNEL, text="x")
    assert failed.value.retry_after == timedelta(seconds=30)


async def test_channel_that_is_not_there_is_told_to_the_model(slack: SlackFake) -> None:
    """It may know a better one."""
    with pytest.raises(ToolError, match="channel_not_found"):
        await call(post, bot(slack), channel="C9999ZZZZ", text="x")


async def test_webhook_takes_the_text_and_makes_the_tool_a_write(slack: SlackFake) -> None:
    """The name is one; what it can promise depends on what the fleet declares."""
    assert await call(post_by_webhook, hook(slack), text="Done.") == {"posted": True}
    assert slack.hooked == ["Done."]
    assert builtin_tools(hook(slack).connections)["slack.post"] is post_by_webhook
    assert builtin_tools(bot(slack).connections)["slack.post"] is post
    assert (post.effect, post_by_webhook.effect) == (Effect.IDEMPOTENT, Effect.WRITE)


async def test_webhook_whose_answer_was_lost_leaves_open_whether_it_took_it(
    slack: SlackFake,
) -> None:
    """Nobody can look, so nobody repeats it; what was refused is known not to be there."""
    slack.lose_answer("POST")
    with pytest.raises(StepError) as lost:
        await call(post_by_webhook, hook(slack), text="Done.")
    assert lost.value.maybe_billed
    slack.fail("POST", 400, "invalid_payload")
    with pytest.raises(ToolError, match="invalid_payload"):
        await call(post_by_webhook, hook(slack), text="Done.")
    slack.fail("POST", 429, "rate_limited", retry_after="1")
    with pytest.raises(StepError) as limited:
        await call(post_by_webhook, hook(slack), text="Done.")
    assert not limited.value.maybe_billed


async def test_secret_of_a_webhook_is_in_no_message_and_no_log(
    slack: SlackFake, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its URL is all one needs to post, and clients log URLs."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        log_to_stderr("INFO", as_json=False)
        await call(post_by_webhook, hook(slack), text="Done.")
        slack.fail("POST", 404, f"no_service: {slack.url}{HOOK}")
        with pytest.raises(StepError) as failed:
            await call(post_by_webhook, hook(slack), text="Done.")
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    assert "hook-secret" not in str(failed.value)
    assert "hook-secret" not in capsys.readouterr().err
