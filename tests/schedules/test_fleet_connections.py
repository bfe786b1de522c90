"""The connections of `fleet.yaml`: read whole, and every mistake told with its place."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rota.connections import Connections, DatabaseConnection
from schedules.declaration_errors import DeclarationErrors
from schedules.fleet import load_fleet, load_fleet_file
from schedules.fleet_schema import fleet_file_schema
from schedules.yaml_source import load_documents
from tests.schedules.fleet_folder import AGENT, findings, problems, write

EVERYTHING = """\
name: finance
egress:
  allow: [https://api.example.com, "*.wikipedia.org", "http://example.org:8080"]
  max_bytes: 200000
  timeout: 20s
github: {token: env:GITHUB_TOKEN, base_url: https://git.example.com/api/v3/}
jira: {base_url: https://example.atlassian.net, user: rota@example.com, token: env:JIRA_TOKEN}
slack: {webhook: file:/run/secrets/slack}
email:
  host: smtp.example.com
  port: 465
  security: tls
  user: rota
  password: env:SMTP_PASSWORD
  from: rota@example.com
  to_allow: ["@example.com"]
databases:
  warehouse: {url: env:WAREHOUSE_URL, max_rows: 50, timeout: 10s}
  books: {url: "sqlite:///data/books.db"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of one agent."""
    write(tmp_path, "agents/x.yaml", AGENT)
    return tmp_path


def test_load_fleet_file_reads_every_connection(folder: Path) -> None:
    """What is declared is what the tools get, and the fleet carries the same."""
    write(folder, "fleet.yaml", EVERYTHING)
    file = load_fleet_file(folder)
    assert load_fleet(folder).file == file
    assert file.egress.allow == (
        "https://api.example.com",
        "https://*.wikipedia.org",
        "http://example.org:8080",
    )
    assert file.github
    assert file.github.base_url == "https://git.example.com/api/v3"
    assert file.databases["books"] == DatabaseConnection(url="sqlite:///data/books.db")
    keys = ("egress", "github", "jira", "slack", "email", "databases")
    assert all(file.declares(key) for key in keys)
    assert [pair for key in keys for pair in file.secret_references(key)] == [
        ("github.token", "env:GITHUB_TOKEN"),
        ("jira.token", "env:JIRA_TOKEN"),
        ("slack.webhook", "file:/run/secrets/slack"),
        ("email.password", "env:SMTP_PASSWORD"),
        ("databases.warehouse.url", "env:WAREHOUSE_URL"),
    ]


def test_load_fleet_file_without_one_declares_nothing(folder: Path) -> None:
    """No file is no connection at all, and nowhere to go."""
    file = load_fleet_file(folder)
    assert not any(file.declares(key) for key in Connections.model_fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "githb: {}\n",
            "fleet.yaml:1: githb: unknown key 'githb'; did you mean 'github'?",
        ),
        ("name: x\ngithub: {}\n", "fleet.yaml:2: github.token: missing; this key is required"),
        (
            "github:\n  token: ghp_pasted\n",
            "fleet.yaml:2: github.token: write a reference, env:NAME or file:/path, never the "
            "secret itself",
        ),
        (
            "egress:\n  allow:\n    - https://a.example.com\n    - https://10.0.0.1\n",
            "fleet.yaml:4: egress.allow[1]: 'https://10.0.0.1': no address of the public "
            "internet; it is refused in any case; for example https://api.example.com or "
            "*.wikipedia.org",
        ),
        (
            "slack: {}\n",
            "fleet.yaml:1: slack: give either token (a bot) or webhook (one channel)",
        ),
        (
            "databases:\n  w:\n    url: postgresql://me:secret@db/w\n",
            "fleet.yaml:3: databases.w.url: write env:NAME or file:/path of a secret that holds "
            "the URL, or sqlite:///file.db, a file of the fleet",
        ),
        (
            "databases:\n  w: {url: env:W, rows: 5}\n",
            "fleet.yaml:2: databases.w.rows: unknown key 'rows'; did you mean 'max_rows'?",
        ),
        (
            "email: {host: h, from: a@example.com, user: u}\n",
            "fleet.yaml:1: email: user and password belong together: give both or neither",
        ),
        (
            "encryption:\n  keys: [/etc/keys]\n",
            "fleet.yaml:2: encryption.keys[0]: write a reference, env:NAME or file:/path, never "
            "the secret itself",
        ),
        (
            "gateway:\n  events:\n    Orders: {secrets: ['env:A']}\n",
            "fleet.yaml:3: gateway.events.Orders: 'Orders' is not an event: lower-case words "
            "joined by dots, at most 100 characters, for example reconciliation.completed",
        ),
    ],
)
def test_load_fleet_file_mistake_is_told_with_its_place(
    folder: Path, text: str, expected: str
) -> None:
    """One line: where, what, and how to mend it; never the value of a secret."""
    write(folder, "fleet.yaml", text)
    assert problems(folder) == [expected]
    with pytest.raises(DeclarationErrors) as caught:
        load_fleet_file(folder)
    assert str(caught.value) == expected


def test_fleet_file_schema_takes_what_loads_and_refuses_what_does_not(folder: Path) -> None:
    """An editor says what `rota validate` says."""
    validator = Draft202012Validator(fleet_file_schema())
    write(folder, "fleet.yaml", EVERYTHING)
    (document,) = load_documents(folder / "fleet.yaml", "fleet.yaml")
    validator.validate(document.data)
    for wrong in ({"githb": {}}, {"github": {}}, {"github": {"token": "ghp_x"}}, {"name": "A"}):
        assert list(validator.iter_errors(wrong)), wrong


def test_fleet_file_schema_describes_every_key() -> None:
    """What the models say of their keys is what an editor shows."""
    schema = fleet_file_schema()
    forms = [schema, *schema["$defs"].values()]
    undescribed = [
        key
        for form in forms
        for key, shown in form.get("properties", {}).items()
        if "description" not in shown
    ]
    assert undescribed == []


def test_model_that_the_fleet_does_not_allow_is_an_error(folder: Path) -> None:
    """At the line that names it: a run of it would be blocked."""
    write(folder, "fleet.yaml", "models: {allow: [anthropic/claude-*, n8n]}\n")
    assert findings(folder) == [
        "agents/x.yaml:2: error: runtime.model: anthropic/m is not among models.allow of "
        "fleet.yaml, which has anthropic/claude-*, n8n"
    ]
