"""Of a provider's webhook one thing counts: which session may have stopped."""

from typing import Any

import pytest
from anthropic.types.beta import BetaWebhookEvent
from hypothesis import given
from hypothesis import strategies as st

from rota.runtimes.session_calls import STOPS, session_called_about

ID = "sesn_011CZkZAtmR3yMPDzynEDxu7"


def event(kind: Any, id: Any = ID) -> dict[str, Any]:
    """As the webhook has it."""
    about = {"id": id, "organization_id": "org_1", "type": kind, "workspace_id": "wrkspc_1"}
    return {"id": "wevt_1", "created_at": "2026-03-15T10:00:00Z", "data": about, "type": "event"}


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("session.status_idled", ID),
        ("session.budget_reached", ID),
        ("session.status_terminated", ID),
        ("session.thread_idled", ID),
        ("session.status_run_started", None),
        ("session.created", None),
        ("session.status_idle", None),
        ("agent.updated", None),
        (["session.status_idled"], None),
    ],
)
def test_call_is_about_a_session_that_may_have_stopped(kind: Any, about: str | None) -> None:
    """One that begins to work needs no look; names of other streams are none of the webhook's."""
    assert session_called_about(event(kind)) == about


@pytest.mark.parametrize("id", ["", "../results", "a/b", "x" * 201, 7, None])
def test_call_about_what_is_no_id_is_about_nothing(id: Any) -> None:
    """It becomes part of a name in the store."""
    assert session_called_about(event("session.status_idled", id)) is None


def test_webhook_events_of_the_sdk_are_those_that_are_known() -> None:
    """A type that the SDK renames is missed here."""
    for kind in STOPS:
        known = BetaWebhookEvent.model_validate(
            event(kind) | {"data": event(kind)["data"] | {"session_thread_id": "sthr_1"}}
        )
        assert known.data.type == kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "id", "type"]), inner),
)


@given(JSON)
def test_whatever_is_posted_is_about_a_session_or_nothing(document: Any) -> None:
    """No document makes it fail."""
    about = session_called_about(document)
    assert about is None or about == document["data"]["id"]
