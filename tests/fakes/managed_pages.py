"""Lists of the fake of Claude Managed Agents: filters, order and pages."""

from datetime import datetime

from tests.fakes.managed_rules import EVENT_QUERY, SESSION_QUERY, query_problem
from tests.fakes.managed_session import Json, Refused

LARGEST_PAGE = 4
"""Items of a page, whatever was asked for: so that every longer log has several."""

Query = dict[str, list[str]]


def refuse(problem: str | None) -> None:
    """Refuse the request if there is a problem."""
    if problem:
        raise Refused(problem)


def events_page(events: list[Json], query: Query) -> Json:
    """A page of a session's events."""
    refuse(query_problem(query, EVENT_QUERY))
    kinds = query.get("types[]")
    # Those without an instant come last, and after no time.
    in_order = sorted(events, key=lambda event: event["processed_at"] or "9999")
    found = [
        event
        for event in in_order
        if _since(event["processed_at"], query) and (not kinds or event["type"] in kinds)
    ]
    return _page(found, query, "asc")


def sessions_page(sessions: list[Json], query: Query) -> Json:
    """A page of the account's sessions."""
    refuse(query_problem(query, SESSION_QUERY))
    agent = query.get("agent_id")
    found = [
        session
        for session in sessions
        if _since(session["created_at"], query)
        and (not agent or session["agent"]["id"] == agent[0])
        and (not session["archived_at"] or query.get("include_archived") == ["true"])
    ]
    return _page(found, query, "desc")


def _since(at: str | None, query: Query) -> bool:
    since = query.get("created_at[gte]")
    if at is None:
        return not since
    return not since or datetime.fromisoformat(at) >= datetime.fromisoformat(since[0])


def _page(items: list[Json], query: Query, default_order: str) -> Json:
    if query.get("order", [default_order])[0] == "desc":
        items = items[::-1]
    start = int(query.get("page", ["0"])[0])
    end = start + min(int(query.get("limit", ["20"])[0]), LARGEST_PAGE)
    return {"data": items[start:end], "next_page": str(end) if end < len(items) else None}
