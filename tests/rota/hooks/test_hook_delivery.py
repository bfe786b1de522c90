"""What a delivery says, and what comes of it: the same of the same, whoever takes it."""

import json
from typing import Any

import pytest

from rota.agent_spec import AgentSpec
from rota.hooks.delivery import (
    challenge_in,
    delivery_id,
    hook_input,
    hook_lineage,
    hook_payload,
    hook_scope,
    is_ping,
    is_wanted,
)
from rota.hooks.spec import HookSpec, Scheme, TopicHookSpec
from rota.language.templates import TemplateError
from tests.deliveries import SIGN, Posted

AT = 1_700_000_000


def hook(**keys: Any) -> HookSpec:
    """A declared one."""
    return HookSpec.model_validate({"secrets": ["env:S"], **keys})


def id_of(scheme: Scheme, posted: Posted) -> str:
    """The delivery's id."""
    form = {"trigger_id": posted.body.decode()}
    document = json.loads(posted.body) if posted.body.startswith((b"{", b"[")) else form
    return delivery_id(scheme, posted.headers, posted.body, document)


def test_standard_id_is_the_senders() -> None:
    """A person finds the run by what the sender shows."""
    assert id_of(Scheme.STANDARD, SIGN[Scheme.STANDARD]("msg_2b-c:1", b"{}", AT)) == "msg_2b-c:1"


@pytest.mark.parametrize("odd", ["a/b", "a b", "x" * 201, "ü", "~x", "topic/a.b"])
def test_id_that_does_not_fit_is_told_by_its_digest(odd: str) -> None:
    """No sender names a run or an event of somebody else's."""
    given = id_of(Scheme.STANDARD, Posted(b"{}", {"webhook-id": odd}))
    assert given.startswith("~")
    assert len(given) == 33


def test_github_id_derives_from_what_is_signed() -> None:
    """Whoever has a signed body cannot make another delivery of it under another id."""
    sign = SIGN[Scheme.GITHUB]
    first, again, other = sign("1", b"{}", AT), sign("2", b"{}", AT), sign("1", b"[]", AT)
    assert id_of(Scheme.GITHUB, first) == id_of(Scheme.GITHUB, again)
    assert id_of(Scheme.GITHUB, first) != id_of(Scheme.GITHUB, other)


def test_slack_event_that_is_sent_again_is_the_same() -> None:
    """Signed anew, at another time; other requests have their bodies."""
    sign = SIGN[Scheme.SLACK]
    body = b'{"event_id": "Ev1", "type": "event_callback"}'
    assert {id_of(Scheme.SLACK, sign("", body, at)) for at in (AT, AT + 60)} == {"Ev1"}
    commands = [sign("", b"trigger_id=%d" % number, AT) for number in (1, 2)]
    assert len({id_of(Scheme.SLACK, each) for each in commands}) == 2


@pytest.mark.parametrize(
    ("scheme", "document", "challenge"),
    [
        (Scheme.SLACK, {"type": "url_verification", "challenge": "abc"}, "abc"),
        (Scheme.SLACK, {"type": "event_callback", "challenge": "abc"}, None),
        (Scheme.STANDARD, {"type": "url_verification", "challenge": "abc"}, None),
        (Scheme.SLACK, [1], None),
    ],
)
def test_challenge_is_slacks_alone(scheme: Scheme, document: Any, challenge: str | None) -> None:
    """Nobody else hears an echo."""
    assert challenge_in(scheme, document) == challenge


def test_ping_is_known_by_what_is_signed() -> None:
    """A header that anybody may change makes no ping of a push."""
    ping = {"x-github-event": "ping"}
    assert is_ping(Scheme.GITHUB, ping, {"zen": "Keep it simple.", "hook_id": 1})
    assert not is_ping(Scheme.GITHUB, ping, {"ref": "refs/heads/main"})
    assert not is_ping(Scheme.STANDARD, ping, {"zen": "x"})


def scope(document: Any = None, scheme: Scheme = Scheme.GITHUB, **headers: str) -> dict[str, Any]:
    """What filters and templates see."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return hook_scope(scheme, named, {"n": 1} if document is None else document, "msg_1")


def test_templates_see_no_credentials() -> None:
    """Neither signatures nor tokens travel into a run's input."""
    given = scope(
        x_github_event="push", authorization="Bearer x", cookie="x", x_hub_signature_256="x"
    )
    assert given["headers"] == {"x-github-event": "push"}
    assert given["hook"] == {"id": "msg_1", "event": "push"}


@pytest.mark.parametrize(
    ("scheme", "document", "event"),
    [
        (Scheme.STANDARD, {"type": "invoice.paid"}, "invoice.paid"),
        (Scheme.SLACK, {"type": "event_callback", "event": {"type": "message"}}, "message"),
        (Scheme.SLACK, {"command": "/run"}, ""),
        (Scheme.STANDARD, [], ""),
        (Scheme.STANDARD, {"type": 3}, ""),
    ],
)
def test_event_is_what_the_sender_calls_it(scheme: Scheme, document: Any, event: str) -> None:
    """By the scheme's own custom; empty where it has none."""
    assert scope(document, scheme, x_github_event="push")["hook"]["event"] == event


def test_filter_lets_through_what_it_holds_for() -> None:
    """Over body, headers and hook; without one everything counts."""
    wanted = hook(filter='body.n == 1 and headers.x-github-event == "push" and hook.id')
    assert is_wanted(wanted, scope(x_github_event="push"))
    assert not is_wanted(wanted, scope(x_github_event="issues"))
    assert is_wanted(hook(), scope())


def test_input_is_made_from_the_delivery() -> None:
    """By its templates; else the whole of it, under `hook`."""
    given = scope({"commit": {"sha": "4f"}})
    assert hook_input(hook(input={"sha": "{body.commit.sha}"}), given) == {"sha": "4f"}
    assert hook_input(hook(), given) == {
        "hook": {"id": "msg_1", "event": "", "body": {"commit": {"sha": "4f"}}}
    }
    with pytest.raises(TemplateError, match="no 'branch'"):
        hook_input(hook(input={"branch": "{body.branch}"}), given)


def test_payload_of_an_event_is_the_body_by_default() -> None:
    """So what subscribers see is what somebody posted."""
    topic = TopicHookSpec.model_validate({"secrets": ["env:S"]})
    assert hook_payload(topic, scope([1])) == [1]
    shaped = topic.model_copy(update={"payload": {"all": "{body}"}})
    assert hook_payload(shaped, scope([1])) == {"all": [1]}


@pytest.mark.parametrize("trusted", [True, False])
def test_run_of_a_delivery_is_marked_unless_it_is_trusted(trusted: bool) -> None:
    """It works with the words of people outside the team, for all one knows."""
    lineage = hook_lineage(hook(trusted=trusted), "triage", "triage-hook-1", "1")
    assert lineage.tainted is not trusted
    assert lineage.cause == "started by hook:triage"


def test_hook_leaves_declarations_without_one_as_they_were() -> None:
    """Their digests, and so what is in force, stay the same."""
    plain = AgentSpec.model_validate({"name": "a", "runtime": {"kind": "scripted"}})
    assert "hook" not in plain.document
    with_hook = plain.model_copy(update={"hook": hook()})
    assert json.dumps(with_hook.document["hook"])
