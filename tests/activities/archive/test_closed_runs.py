"""Which lists the server is asked for."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from temporalio.client import Client, WorkflowExecution
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.audit.closed_runs import MOST_NAMED, listed_closed
from activities.audit.fleet_agents import fleet_agents
from rota.ids import keeper_id
from rota.visibility import KEEPER_MEMO
from tests.activities.archive.memory_store import NOW

AGENT = SearchAttributeKey.for_keyword("RotaAgent")


class Lists:
    """A server that has the same list for every query."""

    namespace = "default"

    def __init__(self, *entries: Any) -> None:
        self.entries = entries
        self.queries: list[str] = []

    async def list_workflows(self, query: str) -> AsyncIterator[WorkflowExecution]:
        """All there are."""
        self.queries.append(query)
        for each in self.entries:
            yield each


def closed(id: str, agent: str, at: datetime) -> Any:
    """A run that ended."""
    told = TypedSearchAttributes([SearchAttributePair(AGENT, agent)])
    return SimpleNamespace(
        id=id, run_id=id, close_time=at, workflow_type="AgentRun", typed_search_attributes=told
    )


def keeper(name: str, owner: str) -> Any:
    """One that was declared, and may have been taken back."""

    async def memo_value(key: str, default: Any, *, type_hint: type) -> Any:
        assert key == KEEPER_MEMO
        return {"fleet": "", "owner": owner} if owner else default

    return SimpleNamespace(id=keeper_id(name), memo_value=memo_value)


async def test_agent_that_stays_behind_has_not_all_others_listed_from_there() -> None:
    """One list for those in step, one for the others; each agent's own time decides."""
    lists = Lists(
        closed("1", "ahead", NOW),
        closed("2", "behind", NOW - timedelta(days=3)),
        closed("3", "ahead", NOW - timedelta(days=3)),
        closed("4", "other-fleet", NOW),
    )
    since = {"ahead": NOW - timedelta(hours=1), "behind": NOW - timedelta(days=4), "new": None}
    found = await listed_closed(cast("Client", lists), since)
    assert [each.id for each in found] == ["2", "1"]
    assert len(lists.queries) == 2
    assert "CloseTime >= '2026-11-23T11:00:00+00:00'" in lists.queries[0]
    assert "RotaAgent IN ('ahead')" in lists.queries[0]
    assert "CloseTime" not in lists.queries[1]
    assert "RotaAgent IN ('behind', 'new')" in lists.queries[1]


async def test_more_agents_than_a_query_names_are_picked_from_all_runs() -> None:
    """A query's length is limited."""
    lists = Lists(closed("1", "agent-1", NOW), closed("2", "other-fleet", NOW))
    since = dict.fromkeys((f"agent-{number}" for number in range(MOST_NAMED + 1)), NOW)
    found = await listed_closed(cast("Client", lists), since)
    assert [each.id for each in found] == ["1"]
    assert "RotaAgent" not in lists.queries[0]


async def test_fleet_has_the_agents_that_it_was_the_last_to_declare() -> None:
    """Those taken back, too, and no other fleet's; of an id that was used again, the newest."""
    lists = Lists(
        keeper("taken-back", "finance"),
        keeper("b", "legal"),
        keeper("a", "finance"),
        keeper("b", "finance"),
        keeper("never-declared", ""),
    )
    assert await fleet_agents(cast("Client", lists), "finance") == ("a", "taken-back")
