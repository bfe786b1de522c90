"""Secrets never leave with a record: not in a bundle, not in a report, not in Base64."""

import base64
import json
import re
from typing import Any

import pytest

from activities.audit.collect import without_secrets
from activities.audit.secret_values import redactor
from rota.approvals.requests import Ruling
from rota.audit.redaction import REDACTED, Redactor
from rota.audit.run_record import RunRecord
from rota.conversation import Message, Text
from rota.fleet_file import FleetFile
from rota.turns.memory import MemoryVersion
from tests.rota.audit.audit_records import BEGAN, KEY, history, payload, record
from workers.audit.exporting import bundle_from

# Written in pieces: committed files are searched for what looks like a secret.
PLANTED = {
    "given": "swordfish-" + "9917",
    "instructions": "sk-ant-" + "api03-" + "x1" * 14,
    "said": "AKIA" + "ABCDEFGH12345678",
    "result": "ghp_" + "a1B2" * 9,
    "note": "xoxb-" + "1234567890-abcdef",
    "memory": "hunter2-hunter2",
    "history": "postgres-pa55word",
    "environment": "correct horse battery staple",
    "body": "open sesame 4711",
}


BODY = json.dumps({"text": json.dumps({"db_password": PLANTED["body"]})})
"""What a webhook was sent: JSON, in which JSON is told as a text."""


def planted() -> RunRecord:
    """A run whose record holds a secret in each place where somebody may have put one."""
    made = record(3, turns=2)
    turn, call, decided = made.turns[0], made.calls[0], made.approvals[0]
    said = Message(role="assistant", content=(Text(text=f"the key is {PLANTED['said']}."),))
    node = turn.node.model_copy(update={"reply": said})
    ruling = Ruling.model_validate({**dict(decided.ruling), "note": f"see {PLANTED['note']}"})
    asked = history("secret", 1)
    asked.history["events"][1]["activityTaskScheduledEventAttributes"]["input"] = {
        "payloads": [
            payload({"url": f"postgres://rota:{PLANTED['history']}@db/ledger", "body": BODY})
        ]
    }
    return made.model_copy(
        update={
            "given": {
                "agent": "report",
                "input": {"x": f"Bearer {PLANTED['given']}", "body": BODY},
            },
            "spec": {"instructions": f"use {PLANTED['instructions']}"},
            "turns": (turn.model_copy(update={"node": node}), *made.turns[1:]),
            "calls": (call.model_copy(update={"result": PLANTED["result"]}), *made.calls[1:]),
            "approvals": (decided.model_copy(update={"ruling": ruling}),),
            "memory_after": MemoryVersion(document={"password": PLANTED["memory"]}, at=BEGAN),
            "output": {"said": PLANTED["environment"], "escaped": f'"{PLANTED["environment"]}"'},
            "executions": (asked,),
        }
    )


def everything_in(files: dict[str, bytes]) -> str:
    """All that a bundle says, with whatever is Base64 in it decoded."""
    text = "\n".join(data.decode() for data in files.values())
    decoded = [
        base64.b64decode(found[: len(found) // 4 * 4]).decode(errors="replace")
        for found in re.findall(r"[A-Za-z0-9+/]{12,}", text)
    ]
    return "\n".join([text, *decoded])


def test_planted_secrets_appear_in_no_file_of_a_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine places, the report among the files; without the cutting each would be there."""
    monkeypatch.setenv("SOME_API_KEY", PLANTED["environment"])
    open_ = everything_in(bundle_from(planted(), KEY, None).files)
    assert [place for place, value in PLANTED.items() if value not in open_] == []
    cut = without_secrets(planted(), redactor(FleetFile(name="finance")))
    told = everything_in(bundle_from(cut, KEY, None).files)
    assert [place for place, value in PLANTED.items() if value in told] == []
    assert told.count(REDACTED) >= len(PLANTED)


def test_secret_that_the_fleet_names_is_cut_out_by_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reference is looked up where the record is gathered; the reference itself stays."""
    monkeypatch.setenv("LEDGER_LOGIN", "mellon-mellon")
    file = FleetFile.model_validate({"name": "finance", "github": {"token": "env:LEDGER_LOGIN"}})
    cut = redactor(file, {"runtime": {"api_key": "env:NOT_HERE"}})
    assert cut.text("say mellon-mellon") == f"say {REDACTED}"
    kept = {"token": "env:LEDGER_LOGIN", "api_key": "env:NOT_HERE"}
    assert cut.json(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "the password is short: rota explains passwords",
        '{"api_key": "env:ANTHROPIC_API_KEY", "secret": "file:/run/secrets/x"}',
        '{"password": "{input.password}", "max_tokens": 200}',
        "a" * 64,
        "https://example.com/a:b@c is no login? https://example.com/x",
        "task-basic report bearer of news",
        '{"next_token": "page-two-of-it", "tokens": 123456, "token_count": "1234567"}',
        'password=os.environ["LEDGER"] and api_key=secrets.get("x"), token=$TOKEN',
        "https://example.com:8080/a?mail=x@y",
        "secretary=nobody-at-all",
        '{"a": [1, "two"],   "spaces": "stay as they are"}',
    ],
)
def test_words_that_are_no_secret_stay(text: str) -> None:
    """References, digests, prose."""
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"password": "abcdefgh"}, {"password": REDACTED}),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, {"Authorization": REDACTED}),
        ('{"client_secret": "s3cr3t-value"}', f'{{"client_secret": "{REDACTED}"}}'),
        ("https://ann:pa55word@example.com/x", f"https://{REDACTED}@example.com/x"),
        ("https://ann:p@ss:word@example.com/x", f"https://{REDACTED}@example.com/x"),
        ({"password": ["hunter2-hunter2", 12345678]}, {"password": [REDACTED, REDACTED]}),
        (
            {"MY_API_KEY": "abcdefgh", "token": "abcdefgh"},
            {"MY_API_KEY": REDACTED, "token": REDACTED},
        ),
        ('{"password": ["abcdefgh"]}', f'{{"password": ["{REDACTED}"]}}'),
        (json.dumps({"password": 'abc"defgh'}), f'{{"password": "{REDACTED}"}}'),
        ({"dbPassword": "abcdefgh"}, {"dbPassword": REDACTED}),
        ("export DB_PASSWORD=hunter2-hunter2; run", f"export DB_PASSWORD={REDACTED}; run"),
        ("/x?api_key=abcdefgh&page=2", f"/x?api_key={REDACTED}&page=2"),
        (
            r"say {\\\"password\\\": \\\"abcdefgh\\\"}",
            rf"say {{\\\"password\\\": \\\"{REDACTED}\\\"}}",
        ),
        ("x " + "AIza" + "B" * 35, f"x {REDACTED}"),
        ("x " + "glpat-" + "x" * 20, f"x {REDACTED}"),
        ("x " + "xapp-" + "1-" + "A" * 20, f"x {REDACTED}"),
        ("x " + "sk_" + "live_" + "a" * 24, f"x {REDACTED}"),
        ("x " + "npm_" + "a" * 36, f"x {REDACTED}"),
        ("x eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl y", f"x {REDACTED} y"),
    ],
)
def test_what_looks_like_a_secret_is_cut_out(value: Any, left: Any) -> None:
    """By its name, or by its form."""
    assert Redactor().json(value) == left


def test_payload_that_is_no_text_is_gone_through_too() -> None:
    """Bytes around a secret stay as they are."""
    key = "ghp_" + "a1B2" * 9
    held = {**payload(""), "data": base64.b64encode(b"\xff " + key.encode() + b" \xfe").decode()}
    history_ = {"events": [{"x": {"input": {"payloads": [held]}}}]}
    cut = Redactor().history(history_)["events"][0]["x"]["input"]["payloads"][0]["data"]
    assert base64.b64decode(cut) == b"\xff " + REDACTED.encode() + b" \xfe"


@pytest.mark.parametrize("kind", ["PRIVATE " + "KEY", "PGP PRIVATE " + "KEY BLOCK"])
def test_private_key_is_cut_out_whole(kind: str) -> None:
    """All lines of it, and one that was cut short, too."""
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    assert Redactor().text(f"a\n{begin}\nMC4C\nAQAw\n{end}\nb") == f"a\n{REDACTED}\nb"
    assert Redactor().text(f"a\n{begin}\nMC4C") == f"a\n{REDACTED}"


def test_history_that_holds_no_secret_stays_as_it_is() -> None:
    """Byte for byte: it is what replays."""
    kept = history("r", 5).history
    assert json.dumps(Redactor().history(kept)) == json.dumps(kept)
