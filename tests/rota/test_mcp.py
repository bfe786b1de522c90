"""MCP servers as they are declared, and the names of their tools."""

from typing import Any

import pytest
from pydantic import ValidationError

from rota.mcp import is_mcp, mcp_name
from rota.mcp_servers import McpServer


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mcp:warehouse/query", ("warehouse", "query")),
        ("mcp:warehouse/stock/read", ("warehouse", "stock/read")),
        ("mcp:warehouse/Ünï code", ("warehouse", "Ünï code")),
        ("mcp:warehouse", None),
        ("mcp:/query", None),
        ("mcp:warehouse/", None),
        ("ledger.post", None),
        ("warehouse/query", None),
    ],
)
def test_name_of_a_tool_is_taken_apart(name: str, parts: tuple[str, str] | None) -> None:
    """The server's name has no slash, the tool's may have any character."""
    assert mcp_name(name) == parts
    assert is_mcp(name) is name.startswith("mcp:")


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({}, "give either command"),
        ({"command": ["a"], "url": "https://a/mcp"}, "give either command"),
        ({"command": []}, "give either command"),
        ({"command": ["a", ""]}, "at least 1 character"),
        ({"command": ["a"], "token": "env:T"}, "token and headers belong to url"),
        ({"url": "https://a/mcp", "env": {"A": "b"}}, "env and cwd belong to command"),
        ({"command": ["a"], "cwd": "../b"}, "a folder inside the fleet"),
        ({"url": "ftp://a"}, "write a URL such as"),
        ({"url": "https://user:pass@a/mcp"}, "write a URL such as"),
        ({"url": "https://a", "token": "tok-1"}, "never the secret itself"),
        ({"url": "https://a", "headers": {"X-Api-Key": "k-1"}}, "never the secret itself"),
        ({"command": ["a"], "env": {"DB_PASSWORD": "p-1"}}, "never the secret itself"),
        ({"command": ["a"], "env": {"A-B": "1"}}, "should match pattern"),
        ({"command": ["a"], "timeout": "0s"}, "greater than 0"),
        ({"command": ["a"], "list_timeout": "3m"}, "less than or equal"),
    ],
)
def test_server_that_cannot_be_meant_is_refused(declared: dict[str, Any], problem: str) -> None:
    """A line says what to write instead; a secret is not repeated in it."""
    with pytest.raises(ValidationError) as caught:
        McpServer.model_validate(declared)
    told = "; ".join(item["msg"] for item in caught.value.errors())
    assert problem in told
    assert not any(secret in told for secret in ("tok-1", "k-1", "p-1", "pass@"))


def test_secrets_of_a_server_are_named_by_their_place() -> None:
    """Preflight looks for each of them before a run starts."""
    endpoint = McpServer(
        url="https://a/mcp", token="env:T", headers={"X-Team": "ops", "X-Api-Key": "file:/k"}
    )
    assert list(endpoint.secret_references()) == [
        ("token", "env:T"),
        ("headers.X-Api-Key", "file:/k"),
    ]
    program = McpServer(command=("a",), env={"MODE": "fast", "KEY": "env:K"})
    assert list(program.secret_references()) == [("env.KEY", "env:K")]
