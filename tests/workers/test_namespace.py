"""A namespace is looked at before work begins, also where listing its attributes is refused."""

from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from rota.visibility import SEARCH_ATTRIBUTES
from tests.stack import Stack
from workers.namespace import attribute_problems


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED])
async def test_attributes_are_asked_for_where_they_are_not_listed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode
) -> None:
    """A worker begins on a server that keeps operations to itself; what is missing is named."""

    async def refused(*_: Any, **__: Any) -> Any:
        raise RPCError("Request unauthorized.", status, b"")

    operator = type(stack.client.operator_service)
    monkeypatch.setattr(operator, "list_search_attributes", refused)
    assert await attribute_problems(stack.client) == []
    more = {**SEARCH_ATTRIBUTES, "RotaNoSuch": "Keyword"}
    monkeypatch.setattr("workers.namespace.SEARCH_ATTRIBUTES", more)
    assert await attribute_problems(stack.client) == [
        "search attribute RotaNoSuch (Keyword) is missing"
    ]
