"""Whoever makes a call checks its approval: whatever the run says, nothing else is believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.approval_gate import request_of
from activities.documents import get_results, put_record, put_spec
from activities.stores.base import ObjectStore
from activities.stores.open import open_store
from activities.tool_running import ToolRunningActivities
from activities.toolbox import Toolbox
from activities.turn_tools import call_refs
from rota.agent_spec import AgentSpec
from rota.approvals.requests import ApprovalRequest, Ruling, Verdict
from rota.conversation import Message, StopReason, ToolCall
from rota.keepers.admission import RunRef
from rota.model import content_digest
from rota.pinned_spec import PinnedSpec
from rota.steps import ToolInput
from rota.tools import tool
from rota.turns.calls import ResultRef
from rota.turns.transcript import RunContext, TranscriptNode, keyed
from rota.usage import Usage

RUN = RunRef(id="poster-1", key="key-1")
T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
ARGS = {"account": "DE12", "amount": 5000}
EDITED = {"account": "DE12", "amount": 7}


class Office:
    """One call of `ledger.post` by a run of `pat`, in the store as a run leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: ObjectStore = open_store(str(folder / "store"))
        self.posted: list[dict[str, Any]] = []

        @tool(name="ledger.post", effect="write")
        def post(account: str, amount: int = 5000, rate: Decimal = Decimal(1)) -> str:
            """Post an amount."""
            self.posted.append({"account": account, "amount": amount})
            return f"posted {amount}"

        self.tool = post

    async def open(
        self, rule: Any = "always", args: dict[str, Any] | None = None, run: RunRef = RUN
    ) -> None:
        """Declare the rule, and record the turn of a run for the slot that makes the call."""
        self.spec = AgentSpec.model_validate(
            {
                "name": "poster",
                "runtime": {"kind": "scripted", "turns": []},
                "tools": ["ledger.post"],
                "approvals": {"ledger.*": rule},
            }
        )
        await put_spec(self.store, self.spec)
        self.context = RunContext(
            run_id=run.id,
            run_key=run.key,
            spec=PinnedSpec.of(self.spec),
            requester="pat",
            slot="2026-11-22T06:00:00Z",
        )
        self.context_digest = await put_record(self.store, self.context)
        asked = ToolCall(id="1", name="ledger.post", args=ARGS if args is None else args)
        reply = keyed(Message(role="assistant", content=(asked,)), self.context, [])
        node = TranscriptNode(
            context=self.context_digest,
            turn=1,
            added=(),
            reply=reply,
            stop=StopReason.TOOL_CALLS,
            usage=Usage(),
            model="script",
        )
        [self.call] = reply.tool_calls
        self.head = await self.store.put(node.encode())

    @property
    def request(self) -> ApprovalRequest:
        """What a person is asked."""
        found = request_of(self.spec, self.context, self.tool, self.call)
        assert found is not None
        return found

    def ruling(self, verdict: str = "approve", **fields: Any) -> Ruling:
        """What `kim` has decided, as the run brings it."""
        digest = self.request.digest
        edited = fields.get("arguments")
        allowed = content_digest(edited) if edited else digest
        given = {
            "id": "a1",
            "tool": "ledger.post",
            "digest": digest,
            "verdict": verdict,
            "by": "kim",
            "at": T0,
            "until": T0 + timedelta(hours=1),
            "allowed": "" if verdict == "deny" else allowed,
        }
        return Ruling.model_validate(given | fields)

    async def run(self, ruling: Ruling | None, **fields: Any) -> ResultRef:
        """One attempt at the call, with what the run brings."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=1)
        activities = ToolRunningActivities(
            self.store, Toolbox(self.folder, {self.tool.name: self.tool})
        )
        told = {
            "agent": "poster",
            "run": RUN,
            "context": self.context_digest,
            "head": self.head,
            "index": 0,
            "approval": ruling,
        }
        return await environment.run(activities.run_tool, ToolInput.model_validate(told | fields))

    async def refused(self, ruling: Ruling | None) -> str:
        """Why the call is not made."""
        with pytest.raises(ApplicationError) as caught:
            await self.run(ruling)
        assert caught.value.non_retryable
        assert caught.value.type == "invalid_request"
        assert self.posted == []
        return caught.value.message


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A ledger, and nothing asked yet."""
    return Office(tmp_path)


async def test_approved_call_is_made_once_and_its_result_says_by_whom(office: Office) -> None:
    """A second attempt finds the result."""
    await office.open()
    first = await office.run(office.ruling())
    assert await office.run(office.ruling()) == first
    assert office.posted == [ARGS]
    assert first.approval is not None
    assert (first.approval.by, first.is_error) == ("kim", False)


async def test_call_without_a_ruling_is_not_made(office: Office) -> None:
    """A run that forgets to ask, or is made to forget, makes no call."""
    await office.open()
    said = await office.refused(None)
    assert "ledger.post needs an approval (approvals.ledger.*)" in said


@pytest.mark.parametrize(
    ("rule", "forged", "reason"),
    [
        ("always", {"digest": "0" * 64, "allowed": "0" * 64}, "another call, other arguments"),
        ("always", {"tool": "ledger.close"}, "another call"),
        ("always", {"by": ""}, "nobody has approved it"),
        ("always", {"at": T0 + timedelta(hours=2)}, "too late"),
        ("always", {"allowed": "0" * 64}, "not those that were approved"),
        ({"four_eyes": True}, {"by": "pat"}, "pat asked for the run"),
        ({"otherwise": "approve_if_read_only"}, {"by": ""}, "nobody has approved it"),
    ],
)
async def test_forged_ruling_makes_no_call(
    office: Office, rule: Any, forged: dict[str, Any], reason: str
) -> None:
    """Each is told apart, and fails the run for good."""
    await office.open(rule)
    assert reason in await office.refused(office.ruling().model_copy(update=forged))


async def test_arguments_altered_after_the_approval_are_refused(office: Office) -> None:
    """An edit that was written into on its way, and a transcript that says something else."""
    await office.open()
    ruling = office.ruling("edit", arguments=EDITED)
    altered = ruling.model_copy(update={"arguments": {**EDITED, "amount": 70_000}})
    assert "not those that were approved" in await office.refused(altered)
    approved = office.ruling()
    await office.open(args={**ARGS, "amount": 9999})
    assert "other arguments" in await office.refused(approved)


async def test_approval_is_void_for_another_version_of_the_agent(office: Office) -> None:
    """The same call by other instructions is another call."""
    await office.open()
    approved = office.ruling()
    await office.open({"timeout": "5h"})
    assert "another version of the agent" in await office.refused(approved)


async def test_edited_call_is_made_with_the_edited_arguments(office: Office) -> None:
    """The store has them under the digest that was approved, and the model is told."""
    await office.open()
    ruling = office.ruling("edit", arguments=EDITED)
    result = await office.run(ruling)
    [told] = await get_results(office.store, office.head, (result,))
    assert office.posted == [EDITED]
    assert content_digest(EDITED) == ruling.allowed
    assert told.content.startswith("(kim changed the arguments before it ran: {")
    assert told.approval is not None
    assert told.approval.verdict is Verdict.EDIT


async def test_edit_that_does_not_fit_the_tool_is_an_error_for_the_model(office: Office) -> None:
    """The tool's own schema has the last word."""
    await office.open()
    result = await office.run(office.ruling("edit", arguments={"amount": 7}))
    assert result.is_error
    assert office.posted == []


async def test_denied_call_is_an_error_with_the_reason(office: Office) -> None:
    """The model reads who denied it, and why."""
    await office.open()
    result = await office.run(office.ruling("deny", note="not today"))
    assert result.is_error
    text = (await office.store.get(result.digest)).decode()
    assert text == "ledger.post: the call was denied by kim: not today"
    assert office.posted == []


async def test_call_that_its_receipt_answers_is_asked_of_nobody(office: Office) -> None:
    """A later run of the slot gets what was approved then; any other call is asked about."""

    async def asked() -> ApprovalRequest | None:
        toolbox = Toolbox(office.folder, {office.tool.name: office.tool})
        given = (office.store, office.spec, office.context, toolbox, (office.call,), office.head)
        [ref] = await call_refs(*given)
        return ref.approval

    await office.open()
    before = await asked()
    await office.run(office.ruling())
    later = RunRef(id="poster-2", key="key-2")
    await office.open(run=later)
    after = await asked()
    result = await office.run(None, run=later)
    await office.open(args={**ARGS, "amount": 7}, run=later)
    other = await asked()
    assert (before is None, after, other is None) == (False, None, False)
    assert (await office.store.get(result.digest)).decode() == "posted 5000"
    assert office.posted == [ARGS]


@pytest.mark.parametrize(
    ("when", "args", "asked"),
    [
        ("args.amount > 1000", {"account": "A"}, True),
        ("args.amount > 1000", {"account": "A", "amount": 9}, False),
        ("args.rate > 2", {"account": "A", "rate": 3}, True),
        ("args.rate > 2", {"account": "A"}, False),
        ("args.amount > 1000", {"amount": 5000}, False),
        ('args.account == "A"', {"account": "A", "amount": "9"}, True),
    ],
)
async def test_rule_is_over_the_arguments_that_the_tool_will_have(
    office: Office, when: str, args: dict[str, Any], asked: bool
) -> None:
    """Defaults count, amounts are numbers; what does not fit the tool is asked of nobody."""
    await office.open({"when": when}, args)
    found = request_of(office.spec, office.context, office.tool, office.call)
    assert (found is not None) is asked
