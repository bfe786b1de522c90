"""`files.read`: the fleet's own text files, and no way out of its folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.tools.files import MAX_BYTES, read_file
from rota.tools import ToolError
from tests.activities.tools.calling import call, context


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet's folder beside something that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("hush")
    fleet = tmp_path / "fleet"
    (fleet / "data" / "deep").mkdir(parents=True)
    (fleet / "data" / "rates.csv").write_text("EUR,1\nUSD,1.08\n€\n")
    (fleet / ".env").write_text("TOKEN=hush")
    (fleet / ".rota").mkdir()
    (fleet / ".rota" / "dev.json").write_text("{}")
    (fleet / "data" / "link.txt").symlink_to(fleet / "data" / "rates.csv")
    (fleet / "out.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (fleet / "out").symlink_to(tmp_path / "outside")
    (fleet / "dangling").symlink_to("nowhere")
    (fleet / "data" / "picture.png").write_bytes(b"\x89PNG\xff")
    (fleet / "data" / "zeros.txt").write_bytes(b"a\0b")
    (fleet / "data" / "large.txt").write_bytes(b"x" * (MAX_BYTES + 1))
    (fleet / "data" / "full.txt").write_bytes(b"x" * MAX_BYTES)
    (fleet / "tls.PEM").write_text("key")
    (fleet / "token.txt").write_text("hush")
    (fleet / "empty.txt").write_text("")
    os.mkfifo(fleet / "pipe")
    return fleet


@pytest.mark.parametrize(
    "path", ["data/rates.csv", "./data/rates.csv", "data//rates.csv", "data/./rates.csv"]
)
async def test_file_of_the_fleet_is_read(fleet: Path, path: str) -> None:
    """As it stands, however its path is written."""
    assert await call(read_file, context(fleet), path=path) == "EUR,1\nUSD,1.08\n€\n"


async def test_file_of_the_largest_size_or_none_is_read(fleet: Path) -> None:
    """The limit itself is allowed, and an empty file is no mistake."""
    assert len(await call(read_file, context(fleet), path="data/full.txt")) == MAX_BYTES
    assert await call(read_file, context(fleet), path="empty.txt") == ""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "relative"),
        ("~/x", "relative"),
        ("data\\rates.csv", "relative"),
        ("data/rates.csv\0.txt", "relative"),
        ("", "name a file"),
        (".", "name a file"),
        ("..", "out of"),
        ("../outside/secret.txt", "out of"),
        ("data/../../outside/secret.txt", "out of"),
        ("data/deep/../rates.csv", "out of"),
        (".env", "hidden"),
        (".rota/dev.json", "hidden"),
        ("data/.hidden", "hidden"),
        ("tls.PEM", "keys"),
        ("token.txt", "holds a secret"),
        ("data/link.txt", "a link"),
        ("out.txt", "a link"),
        ("out/secret.txt", "folder is a link"),
        ("dangling", "a link"),
        ("pipe", "no plain file"),
        ("data", "a folder"),
        ("data/rates.csv/x", "no such file"),
        ("nowhere.txt", "no such file"),
        ("data/picture.png", "not text in UTF-8"),
        ("data/zeros.txt", "not text"),
        ("data/large.txt", "200,001 bytes; at most 200,000"),
        ("x" * 5000, "too long"),
    ],
)
async def test_path_that_leads_elsewhere_is_refused_in_words(
    fleet: Path, path: str, problem: str
) -> None:
    """Nothing outside, nothing hidden, no link, no device; and the model learns why."""
    at = context(fleet, github={"token": f"file:{fleet / 'token.txt'}"})
    with pytest.raises(ToolError) as refused:
        await call(read_file, at, path=path)
    assert problem in str(refused.value)
    assert "hush" not in str(refused.value)


CONNECTIONS: list[dict[str, object]] = [
    {"github": {"token": "SECRET"}},
    {"jira": {"base_url": "https://jira.example", "user": "u", "token": "SECRET"}},
    {"slack": {"token": "SECRET"}},
    {"slack": {"webhook": "SECRET"}},
    {"email": {"host": "mail.example", "from": "a@b.example", "user": "u", "password": "SECRET"}},
    {"databases": {"books": {"url": "SECRET"}}},
    {"mcp": {"stock": {"command": ["stock"], "env": {"API_KEY": "SECRET"}}}},
    {"mcp": {"stock": {"url": "https://mcp.example", "token": "SECRET"}}},
    {"mcp": {"stock": {"url": "https://mcp.example", "headers": {"X-Api-Key": "SECRET"}}}},
]


@pytest.mark.parametrize("declared", CONNECTIONS, ids=lambda each: str(each)[1:40])
async def test_file_that_a_connection_takes_a_secret_from_is_refused(
    fleet: Path, declared: dict[str, object]
) -> None:
    """Whichever connection names it: agents work with it, and never see it."""
    text = json.dumps(declared).replace("SECRET", f"file:{fleet / 'token.txt'}")
    with pytest.raises(ToolError, match="holds a secret"):
        await call(read_file, context(fleet, **json.loads(text)), path="token.txt")


@pytest.mark.parametrize("make", [os.link, os.symlink])
async def test_secret_under_another_name_is_refused(
    fleet: Path, make: Callable[[Path, Path], None]
) -> None:
    """The file counts, not what it is called: by a hard link, or the declaration by a link."""
    make(fleet / "token.txt", fleet / "alias.txt")
    at = context(fleet, github={"token": f"file:{fleet / 'alias.txt'}"})
    with pytest.raises(ToolError, match="holds a secret"):
        await call(read_file, at, path="token.txt")


async def test_fleet_whose_own_folder_is_a_link_can_be_read(fleet: Path) -> None:
    """Whoever started the worker named it: deployments switch versions by such links."""
    current = fleet.parent / "current"
    current.symlink_to(fleet)
    assert await call(read_file, context(current), path="data/rates.csv")
