"""The report of a run: whole in one file, and deaf to whatever strangers write into it."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from rota.audit.reasoning import ENCRYPTED, reasoning_of
from rota.audit.run_record import RunRecord
from rota.conversation import Message, Opaque, Text, ToolCall
from rota.notices.receipts import Receipt
from rota.runs import RunStatus
from tests.rota.audit.audit_records import BEGAN, record
from workers.audit.report import render

HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></section><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for x in y %}",
    "<!-- --><style>*{display:none}</style>",
    "]]></title><base href=//evil.example>",
    "a\u202eb\u200bc\x00d\x1b[31m",
)
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "h3", "p"),
    *("span", "strong", "div", "b", "nav", "a", "section", "ul", "li", "table", "tr", "th", "td"),
    *("details", "summary", "pre", "svg", "line", "text", "rect", "footer", "code"),
}


class Page(HTMLParser):
    """What a page is made of, as a browser would read it."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def hostile(text: str) -> RunRecord:
    """A run into which somebody wrote `text` wherever anybody can."""
    made = record(4, turns=2)
    turn, call, decided, effect = made.turns[0], made.calls[0], made.approvals[0], made.effects[0]
    words = Message(role="assistant", content=(Opaque(provider="p", data={"thinking": text}),))
    node = turn.node.model_copy(
        update={
            "model": text,
            "prices": text,
            "reply": words.model_copy(update={"content": (*words.content, Text(text=text))}),
            "added": (Message(role="user", content=(Text(text=text),)),),
        }
    )
    ruling = decided.ruling.model_copy(update={"by": text, "note": text, "tool": text})
    odd = {text: text}
    made.executions[0].history["events"][0]["eventType"] = text
    return made.model_copy(
        update={
            "run": made.run.model_copy(update={"id": text}),
            "agent": text,
            "team": text,
            "notes": (text,),
            "given": {"by": text, "input": odd},
            "spec": {"instructions": text, "description": text, "tools": [text]},
            "outcome": {
                "status": "failed",
                "reason": text,
                "nodes": {text: {"reason": text}},
                "checks": [{"name": text, "state": "failed", "detail": text, "at": BEGAN}],
            },
            "output": odd,
            "memory_after": made.memory_after
            and made.memory_after.model_copy(update={"document": odd}),
            "turns": (turn.model_copy(update={"node": node}),),
            "calls": (
                call.model_copy(
                    update={"result": text, "call": ToolCall(id="1", name=text, args=odd)}
                ),
            ),
            "approvals": (decided.model_copy(update={"ruling": ruling, "arguments": odd}),),
            "effects": (effect.model_copy(update={"receipt": text}),),
        }
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    """No element, attribute or link comes from it, and nobody is shown less than there is."""
    page = Page(render(hostile(text)))
    assert set(page.tags) <= ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [name for name, _ in page.attributes if name in ("style", "src", "srcset")]
    links = [value for name, value in page.attributes if name in ("href", "xlink:href", "action")]
    assert all(re.fullmatch(r"#[a-z]+", value or "") for value in links)
    assert page.tags.count("style") == page.tags.count("title") - _titles(page)
    if text.isprintable() and '"' not in text:
        assert sum(text in words for words in page.words) >= 15


def _titles(page: Page) -> int:
    """Titles of bars: those of the picture, not the page's own."""
    return page.tags.count("title") - 1


def test_signs_that_nobody_sees_are_written_out() -> None:
    """Nothing turns the writing direction round, and nothing stands there unseen."""
    page = render(hostile(HOSTILE[-1])).decode()
    assert not [sign for sign in "\u202e\u200b\x00\x1b" if sign in page]
    assert r"a\u202eb\u200bc\u0000d\u001b[31m" in page


def test_page_asks_nobody_for_anything() -> None:
    """Its policy allows its own style and nothing else, and nothing on it names another place."""
    page = render(record(4, turns=2)).decode()
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert len(policy) == 1
    assert re.fullmatch(
        r"default-src &#39;none&#39;; style-src &#39;sha256-[\w+/=]+&#39;; "
        r"base-uri &#39;none&#39;; form-action &#39;none&#39;",
        policy[0].replace("'", "&#39;"),
    )
    assert "<script" not in page
    assert not re.findall(r"https?://|url\(|@import", page)


def test_page_tells_who_why_what_and_what_it_cost() -> None:
    """What somebody looks for who has to answer for the run."""
    made = record(4, turns=2)
    told = Receipt(channel="mail", told=True, at=BEGAN)
    page = " ".join(Page(render(made, "ab" * 32, [told])).words)
    for word in (
        *("its schedule", "2026-11-22 06:00:00 UTC", "Turn 2", "ledger.post", "Reasoning"),
        *(
            "happened",
            "approved by",
            "ab" * 32,
            "$0.000012",
            made.run.id,
            "balanced",
            "mail was told",
        ),
    ):
        assert word in page, word


@pytest.mark.parametrize("status", list(RunStatus))
def test_run_that_did_nothing_has_a_page(status: RunStatus) -> None:
    """Skipped, refused, or not ended: without turns, context, declaration, result."""
    made = record(4, turns=0)
    bare = made.model_copy(
        update={
            "status": status,
            "ended": made.ended if status.closed else None,
            "executions": (),
            "spec": None,
            "memory_before": None,
            "memory_after": None,
            "outcome": {},
            "output": None,
            "attempts": (),
        }
    )
    page = " ".join(Page(render(bare)).words)
    assert "No model was asked" in page
    assert ("it has not ended" in page) is not status.closed


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"type": "thinking", "thinking": "first", "signature": "c2ln"}, ("first",)),
        ({"type": "redacted_thinking", "data": "c2ln"}, (ENCRYPTED,)),
        ({"reasoningContent": {"reasoningText": {"text": "so"}}}, ("so",)),
        ({"reasoningContent": {"redactedContent": "c2ln"}}, (ENCRYPTED,)),
        ({"reasoning_content": "hence"}, ("hence",)),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "thus"}]}, ("thus",)),
        ({"invocationId": "x"}, ()),
    ],
)
def test_reasoning_is_shown_as_far_as_the_provider_gives_it(
    data: dict[str, Any], told: tuple[str, ...]
) -> None:
    """Each provider wraps it otherwise; a signature or an id is none."""
    said = Message(role="assistant", content=(Opaque(provider="p", data=data), Text(text="x")))
    assert reasoning_of(said) == told
