"""The fake Claude API refuses what the API refuses, and is loud when a test is wrong."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.fakes.anthropic_answers import Answer, Cut, text, thinking
from tests.fakes.anthropic_server import AnthropicFake

Body = dict[str, Any]
HEADERS = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "seen"}
VALID: Body = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Look.", "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [thinking("Hm."), CALL]},
        {"role": "user", "content": [RESULT, text("And?")]},
    ],
}


@pytest.fixture
def fake() -> Iterator[AnthropicFake]:
    """A fake that expects to be asked wrongly."""
    with AnthropicFake(expect_invalid=True) as fake:
        yield fake


def post(fake: AnthropicFake, body: Any, **headers: str) -> httpx2.Response:
    """Ask as any client would, without the SDK's guard rails."""
    return httpx2.post(fake.url + "/v1/messages", json=body, headers=HEADERS | headers)


def test_fake_valid_request_is_answered_whole(fake: AnthropicFake):
    """Without streaming the message comes as one JSON document."""
    fake.say("Seen it.", usage={"output_tokens": 3})
    answer = post(fake, VALID)
    assert answer.status_code == 200
    assert answer.json()["content"] == [text("Seen it.")]
    assert answer.json()["usage"]["output_tokens"] == 3
    assert answer.headers["request-id"]


def test_fake_stream_has_the_events_of_the_api_in_order(fake: AnthropicFake):
    """A stream starts, opens and closes each block, tells why it stopped, and stops."""
    fake.add(Answer((thinking("Hm."), fake.tool_use("look", {"at": "x" * 40})), "tool_use"))
    answer = post(fake, VALID | {"stream": True})
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line[:5] == "data:"]
    kinds = [event["type"].removeprefix("content_block_") for event in events]
    assert kinds == [
        *("message_start", "start", "ping", "delta", "delta", "stop"),
        *("start", "delta", "delta", "delta", "delta", "stop"),
        *("message_delta", "message_stop"),
    ]
    assert events[0]["message"]["stop_reason"] is None
    partial = "".join(event["delta"]["partial_json"] for event in events[7:11])
    assert json.loads(partial) == {"at": "x" * 40}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def edit(path: str, value: Any) -> Callable[[Body], None]:
    """Replace what is at a dotted path, or remove it if the value is `...`."""

    def apply(body: Body) -> None:
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        target: Any = body
        for part in parents:
            target = target[part]
        if value is ...:
            del target[last]
        elif last == "+":
            target.append(value)
        else:
            target[last] = value

    return apply


MARK = {"cache_control": {"type": "ephemeral"}}
ASSISTANT = {"role": "assistant", "content": "The answer is ("}
MISTAKES: dict[str, tuple[Callable[[Body], None], str]] = {
    "no model": (edit("model", ...), "model: Field required"),
    "no max_tokens": (edit("max_tokens", ...), "max_tokens: Field required"),
    "max_tokens zero": (edit("max_tokens", 0), "greater than or equal to 1"),
    "max_tokens text": (edit("max_tokens", "9"), "valid integer"),
    "no messages": (edit("messages", []), "at least one message"),
    "temperature": (edit("temperature", 0), "temperature: Extra inputs"),
    "top_p": (edit("top_p", 1), "top_p: Extra inputs"),
    "top_k": (edit("top_k", 1), "top_k: Extra inputs"),
    "unknown effort": (edit("output_config", {"effort": "heroic"}), "output_config.effort"),
    "blank system": (edit("system.0.text", " "), "must be non-empty"),
    "dotted tool name": (edit("tools.0.name", "a.b"), "tools.0.custom.name: String should match"),
    "long tool name": (edit("tools.0.name", "a" * 129), "tools.0.custom.name: String should match"),
    "tool without schema": (edit("tools.0.input_schema", ...), "input_schema: Field required"),
    "tool schema no object": (
        edit("tools.0.input_schema", {"type": "string"}),
        "input_schema.type: Input should be 'object'",
    ),
    "tool schema choice": (
        edit("tools.0.input_schema", {"type": "object", "anyOf": []}),
        "does not support oneOf",
    ),
    "tool schema invalid": (
        edit("tools.0.input_schema", {"type": "object", "properties": 3}),
        "JSON schema is invalid",
    ),
    "tools of one name": (
        edit("tools.+", {"name": "look", "input_schema": {"type": "object"}}),
        "Tool names must be unique",
    ),
    "calls without tools": (edit("tools", []), "must define tools"),
    "first is assistant": (edit("messages.0.role", "assistant"), 'use the "user" role'),
    "system role": (edit("messages.0.role", "system"), "Input should be 'user' or 'assistant'"),
    "empty content": (edit("messages.0.content", []), "non-empty content"),
    "empty text": (edit("messages.2.content.1", text("")), "must be non-empty"),
    "blank text": (edit("messages.2.content.1", text(" \n")), "non-whitespace"),
    "prefill": (edit("messages.+", ASSISTANT), "does not support assistant message prefill"),
    "call not answered": (edit("messages.2.content.0", ...), "without `tool_result` blocks"),
    "call answered after text": (
        edit("messages.2.content", [text("First:"), RESULT]),
        "without `tool_result` blocks",
    ),
    "call at the end": (edit("messages.2", ...), "prefill"),
    "orphan result": (
        edit("messages.2.content.0", RESULT | {"tool_use_id": "toolu_9"}),
        "without `tool_result` blocks immediately after: toolu_1",
    ),
    "result of no call": (
        edit("messages.2.content.+", RESULT | {"tool_use_id": "toolu_9"}),
        "unexpected `tool_use_id` found in `tool_result` blocks: toolu_9",
    ),
    "result twice": (edit("messages.2.content", [RESULT, RESULT]), "must have a single result"),
    "id twice": (edit("messages.1.content.+", CALL), "`tool_use` ids must be unique"),
    "odd call id": (edit("messages.1.content.1.id", "a b"), "tool_use.id: String should match"),
    "call input text": (edit("messages.1.content.1.input", "{}"), "valid dictionary"),
    "call of user": (edit("messages.0.content", [CALL]), "can only be in `assistant` messages"),
    "result of assistant": (
        edit("messages.1.content.+", RESULT),
        "can only be in `user` messages",
    ),
    "thinking changed": (edit("messages.1.content.0.thinking", "Ha."), "Invalid `signature`"),
    "thinking unsigned": (edit("messages.1.content.0.signature", ...), "Invalid `signature`"),
    "thinking marked": (
        edit("messages.1.content.0.cache_control", MARK["cache_control"]),
        "thinking.cache_control: Extra inputs",
    ),
    "own block key": (edit("messages.2.content.0.key", "x"), "tool_result.key: Extra inputs"),
    "own block type": (edit("messages.2.content.1", {"type": "tool_call"}), "'tool_call'"),
    "five breakpoints": (
        edit("messages.2.content", [RESULT | MARK, *[text("x") | MARK] * 3]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "message id": (edit("messages.0.id", "msg_1"), "extra inputs"),
    "content no block": (edit("messages.0.content", [3]), "malformed"),
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.values(), ids=MISTAKES)
def test_fake_classic_mistake_is_refused(
    fake: AnthropicFake, mistake: Callable[[Body], None], words: str
):
    """Each mistake gets status 400, the API's error shape, and a message that names it."""
    body = copy.deepcopy(VALID)
    mistake(body)
    answer = post(fake, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert words in answer.json()["error"]["message"]
    assert fake.billed == 0


def test_fake_body_that_is_no_json_is_refused(fake: AnthropicFake):
    """Not even JSON gets an answer of the API's shape."""
    answer = httpx2.post(fake.url + "/v1/messages", content=b"{", headers=HEADERS)
    assert (answer.status_code, answer.json()["type"]) == (400, "error")


def test_fake_prompt_over_the_context_is_too_long():
    """The context window is a limit one can set."""
    with AnthropicFake(context_tokens=10, expect_invalid=True) as fake:
        assert "prompt is too long" in post(fake, VALID).json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "right", "anthropic-version": "1"}, 200),
        ({"authorization": "Bearer right", "anthropic-version": "1"}, 200),
        ({"x-api-key": "wrong", "anthropic-version": "1"}, 401),
        ({"anthropic-version": "1"}, 401),
        ({"x-api-key": "right"}, 400),
    ],
)
def test_fake_headers_are_checked(headers: dict[str, str], status: int):
    """Either form of the key will do, but the right one, and the version must be said."""
    with AnthropicFake(
        lambda request: Answer((text("Yes."),)), api_key="right", expect_invalid=True
    ) as fake:
        answer = httpx2.post(fake.url + "/v1/messages", json=VALID, headers=headers)
    assert answer.status_code == status


def test_fake_unknown_path_is_not_found(fake: AnthropicFake):
    """There is one endpoint."""
    assert httpx2.get(fake.url + "/v1/complete", headers=HEADERS).status_code == 404


def test_fake_exhausted_script_fails_the_request_and_the_test():
    """A request nobody scripted an answer for cannot pass unseen."""
    with (
        pytest.raises(AssertionError, match="request 1 found the script empty"),
        AnthropicFake() as fake,
    ):
        assert post(fake, VALID).status_code == 500


def test_fake_unexpected_refusal_fails_the_test():
    """An invalid request fails the test even if the code under test swallows the 400."""
    with pytest.raises(AssertionError, match="refused a request"), AnthropicFake() as fake:
        assert post(fake, {}).status_code == 400


def test_fake_problem_does_not_hide_the_tests_own_failure():
    """The first failure stays the one reported; the fake's is added to it."""

    def test_that_fails() -> None:
        with AnthropicFake() as fake:
            post(fake, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        test_that_fails()
    assert "refused a request" in caught.value.__notes__[0]


def test_fake_work_done_but_answer_lost_counts_as_billed(fake: AnthropicFake):
    """The bill counts the model's work, not the answers that arrived."""
    fake.say("Nobody will read this.", fault=Cut(0, "drop"))
    fake.fail(529, "overloaded_error")
    with pytest.raises(httpx2.RemoteProtocolError):
        post(fake, VALID)
    post(fake, VALID)
    assert (len(fake.requests), fake.billed) == (2, 1)


def test_fake_script_comes_before_the_responder(fake: AnthropicFake):
    """Both ways of answering go together: scripted exceptions, then the rule."""
    fake.respond_with(lambda request: Answer((text(f"{len(request['messages'])} messages"),)))
    fake.say("Scripted.")
    said = [post(fake, VALID).json()["content"][0]["text"] for _ in range(2)]
    assert said == ["Scripted.", "3 messages"]


def test_fake_is_reached_from_another_process_and_awaited_in_this_one(fake: AnthropicFake):
    """A worker in its own process is served while the test waits for it."""
    fake.say("Hello there.")
    code = (
        "import sys, urllib.request as u; "
        "r = u.Request(sys.argv[1], sys.argv[2].encode(), "
        "{'x-api-key': 'k', 'anthropic-version': '1'}); print(u.urlopen(r).read().decode())"
    )
    command = [sys.executable, "-c", code, fake.url + "/v1/messages", json.dumps(VALID)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        fake.wait_for_requests(1)
        output, _ = process.communicate(timeout=10)
    assert "Hello there." in output


def test_fake_waiting_for_a_request_that_never_comes_times_out(fake: AnthropicFake):
    """A wait ends with the count it had."""
    with pytest.raises(TimeoutError, match="0 of 1"):
        fake.wait_for_requests(1, timeout=0.01)
