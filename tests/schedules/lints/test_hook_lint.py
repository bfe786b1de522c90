"""What a hook takes from a delivery can be there: told before anybody posts."""

from typing import Any

import pytest

from rota.hooks.spec import HookSpec, TopicHookSpec
from schedules.lints.hook import hook_remarks, topic_hook_findings


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"filter": "body.n > 1 and headers.x-event and hook.event"}, []),
        ({"input": {"a": ["{body.a}", "{hook.id} {headers.x-b|none}"]}}, []),
        ({"filter": "payload.n > 1"}, ["payload.n: a delivery has body, headers, hook"]),
        ({"input": {"a": "{event.id}"}}, ["{event.id}: a delivery has body, headers, hook"]),
        ({"input": {"a": "{hook.name}"}}, ["{hook.name}: hook has event and id"]),
        ({"input": {"a": "{headers.X-Event}"}}, ["{headers.X-Event}: names of headers"]),
        ({"input": {"a": "{body"}}, ["lone '{'"]),
    ],
)
def test_paths_that_no_delivery_has_are_told(keys: dict[str, Any], told: list[str]) -> None:
    """Of filters and templates alike, at their keys."""
    remarks = list(hook_remarks(HookSpec.model_validate({"secrets": ["env:S"], **keys})))
    assert len(remarks) == len(told)
    for remark, words in zip(remarks, told, strict=True):
        assert words in remark.message
        assert (remark.level, remark.path[0]) == ("error", "hook")


def test_paths_of_events_are_told_with_their_key() -> None:
    """In fleet.yaml, by the event's name."""
    spec = TopicHookSpec.model_validate({"secrets": ["env:S"], "payload": {"a": "{nothing}"}})
    (finding,) = topic_hook_findings({"orders.created": spec})
    assert str(finding).startswith("fleet.yaml:1: error: gateway.events.orders.created.payload.a: ")


def test_agent_without_a_hook_has_no_remark() -> None:
    """Nothing to look at."""
    assert list(hook_remarks(None)) == []
