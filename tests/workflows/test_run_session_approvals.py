"""Sessions whose calls wait for approvals: Rota's tools, and what the provider asks about."""

import pytest

from rota.runs import RunStatus
from rota.tools import tool
from tests.approving import decide, open_approvals, refused
from tests.asking import open_questions
from tests.contract.double_provider import Asks, Calls, Ends, FakeProvider
from tests.stack import Stack
from tests.workflows.doubled import Doubles

REMOVING = {"tool": "bash", "input": '{"command": "rm"}', "args": {"command": "rm"}}


@tool(name="ledger.post", effect="write")
def post(amount: int) -> str:
    """Post an amount."""
    return f"posted {amount}"


@pytest.fixture
def doubles(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Doubles:
    """A provider of one's own."""
    return Doubles(stack, FakeProvider(), monkeypatch)


async def test_tool_call_of_a_session_waits_for_its_approval(doubles: Doubles) -> None:
    """What is denied is told the session as an error, what is approved runs here."""
    provider = doubles.provider
    provider.acts = [
        Calls((("ledger.post", {"amount": 1}), ("ledger.post", {"amount": 2}))),
        Ends("Done."),
    ]
    async with doubles.worker(tools=[post], approvals={"ledger.post": "always"}) as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        first, second = await open_approvals(handle, 2)
        await decide(handle, first)
        await decide(handle, second, "deny", note="enough")
        result = await handle.result()
    [session] = provider.sessions.values()
    [told] = session.told
    contents = [(each.content, each.is_error) for each in told.results]
    assert contents == [
        ("posted 1", False),
        ("ledger.post: the call was denied by kim: enough", True),
    ]
    assert result.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(("verdict", "told"), [("approve", ""), ("deny", "denied by kim: no")])
async def test_call_that_a_provider_asks_about_is_an_approval_if_so_declared(
    doubles: Doubles, verdict: str, told: str
) -> None:
    """Bound to what was asked, with its exact arguments; it cannot be edited."""
    doubles.provider.acts = [Asks(("rm",), REMOVING), Ends("Done.")]
    async with doubles.worker(approvals={"bash": "always"}) as name:
        handle = await doubles.stack.start(name, f"{name}-1", by="pat")
        [pending] = await open_approvals(handle)
        edited = await refused(handle, pending, "edit", arguments={"command": "ls"})
        await decide(handle, pending, verdict, note="no" if told else "")
        result = await handle.result()
    [session] = doubles.provider.sessions.values()
    assert pending["request"]["arguments"] == {"command": "rm"}
    assert "approve or deny it" in edited
    assert [each.decisions for each in session.told] == [{"rm": told}]
    assert [ruling.tool for ruling in result.approvals] == ["bash"]


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        ("never", "nobody"),
        ({"when": "args.command == 'rm'"}, "approval"),
        ({"when": "args.command == 'mv'"}, "question"),
    ],
)
async def test_provider_is_answered_as_the_rule_for_its_tool_says(
    doubles: Doubles, rule: object, asked: str
) -> None:
    """`never` allows at once; where no rule speaks, a person is asked as before."""
    doubles.provider.acts = [Asks(("rm",), REMOVING), Ends("Done.")]
    async with doubles.worker(approvals={"bash": rule}) as name:
        handle = await doubles.stack.start(name, f"{name}-1")
        if asked == "approval":
            [pending] = await open_approvals(handle)
            await decide(handle, pending)
        if asked == "question":
            [question] = await open_questions(handle)
            id = question["question"]["id"]
            await handle.execute_update("answer", {"question": id, "value": True})
        result = await handle.result()
    [session] = doubles.provider.sessions.values()
    assert [each.decisions for each in session.told] == [{"rm": ""}]
    assert len(result.approvals) == (1 if asked == "approval" else 0)
