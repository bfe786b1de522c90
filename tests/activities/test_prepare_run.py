"""`prepare_run`: what a run that had to wait is given, without a server."""

from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.desks.runs import RunDeskActivities
from activities.documents import get_context, put_record, put_spec
from activities.stores.base import ObjectStore, StoreClosedError, StoreError
from activities.stores.open import open_store
from activities.toolbox import Toolbox
from rota.agent_spec import AgentSpec
from rota.budgets.reservations import Cap
from rota.coordination.lineage import Lineage
from rota.coordination.upstream import UpstreamRun
from rota.failures import FailureCategory
from rota.keepers.admission import Admission, Decision, RunRef
from rota.model import canonical_json
from rota.pinned_spec import PinnedSpec
from rota.pipelines.spec import PipelineSpec
from rota.steps import PrepareInput
from rota.turns.calls import INLINE_OUTPUT
from rota.turns.memory import MemoryVersion
from tests.rota.keepers.desks import T0, run
from tests.stack import script

ABSENT = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store of one's own."""
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def desk(store: ObjectStore, tmp_path: Path) -> RunDeskActivities:
    """The desk; what is asked of it here needs no server."""
    return RunDeskActivities(cast(Client, None), store, Toolbox(tmp_path, {}))


async def admission(
    store: ObjectStore, runtime: dict[str, Any] | None = None, **fields: Any
) -> Admission:
    """The keeper's answer to a run of an agent that forbids any input but its own."""
    schema = {"type": "object", "properties": {"to": {}}, "additionalProperties": False}
    declared = {
        "name": "mail",
        "runtime": runtime or script({"result": "done"}),
        "accepts": {"schema": schema},
    }
    spec = AgentSpec.model_validate(declared)
    await put_spec(store, spec)
    given = {"decision": Decision.GO, "run": run("mail-1"), "input": {"to": "board"}}
    return Admission.model_validate({**given, "spec": PinnedSpec.of(spec), **fields})


async def test_prepared_context_holds_what_the_run_waited_for(
    desk: RunDeskActivities, store: ObjectStore
) -> None:
    """Results whole, as `needs` of the input; fences; lineage. Nothing travels in history."""
    large = "x" * (INLINE_OUTPUT + 1)
    report = UpstreamRun(
        run=RunRef(id="report-1", key="k"), slot=T0, output=await store.put(canonical_json(large))
    )
    bare = UpstreamRun(run=RunRef(id="check-1", key="k"))
    lineage = Lineage(root="night", parent="night", occasion="night@1/mail")
    admitted = await desk.prepare_run(
        PrepareInput(
            admission=await admission(store, lineage=lineage),
            upstream={"report": report, "check": bare},
            fences={"ledger": 7},
        )
    )
    context = await get_context(store, admitted.context)
    assert context.input == {
        "to": "board",
        "needs": {
            "report": {"run_id": "report-1", "slot": "2026-11-22T06:00:00Z", "output": large},
            "check": {"run_id": "check-1", "slot": None, "output": None},
        },
    }
    assert context.fences == {"ledger": 7}
    assert context.occasion == "night@1/mail"
    assert admitted.admission.input == {"to": "board"}
    assert (admitted.blocked, admitted.unfit) == ("", "")


@pytest.mark.parametrize("tainted", [False, True])
async def test_mark_of_what_a_run_begins_with_is_in_its_context(
    desk: RunDeskActivities, store: ObjectStore, tainted: bool
) -> None:
    """Whoever is handed its input and memory is told."""
    lineage = Lineage(root="mail", parent="mail", occasion="mail-1", tainted=tainted)
    given = PrepareInput(admission=await admission(store, lineage=lineage))
    admitted = await desk.prepare_run(given)
    context = await get_context(store, admitted.context)
    assert (context.tainted, admitted.admission.tainted) == (tainted, tainted)
    assert context.foreign_input is tainted


@pytest.mark.parametrize("tainted", [False, True])
async def test_marked_result_that_a_run_needs_is_input_of_others(
    desk: RunDeskActivities, store: ObjectStore, tainted: bool
) -> None:
    """It stands among the input, and is shown as a stranger's is."""
    report = UpstreamRun(run=RunRef(id="report-1", key="k"), tainted=tainted)
    given = PrepareInput(admission=await admission(store), upstream={"report": report})
    context = await get_context(store, (await desk.prepare_run(given)).context)
    assert (context.foreign_input, context.tainted) == (tainted, tainted)


async def test_marked_memory_is_no_input_of_others(
    desk: RunDeskActivities, store: ObjectStore
) -> None:
    """It is quoted by itself: what a person or a schedule gave is not mixed up with it."""
    version = MemoryVersion(version=1, document={}, author="mail-0", at=T0, tainted_by="mail-0")
    memory = await put_record(store, version)
    given = PrepareInput(admission=await admission(store, memory=memory))
    context = await get_context(store, (await desk.prepare_run(given)).context)
    assert (context.foreign_input, context.tainted) == (False, True)


async def test_prepared_run_whose_upstreams_result_is_elsewhere_fails_saying_so(
    desk: RunDeskActivities, store: ObjectStore
) -> None:
    """Work without the result would be wrong, and waiting for it without end."""
    lost = UpstreamRun(run=RunRef(id="report-1", key="k"), output=ABSENT)
    with pytest.raises(ApplicationError, match=r"result of report-1.*ROTA_STORE") as caught:
        await desk.prepare_run(
            PrepareInput(admission=await admission(store), upstream={"report": lost})
        )
    assert (caught.value.type, caught.value.non_retryable) == (FailureCategory.UPSTREAM, True)


@pytest.mark.parametrize(
    ("result", "inline"), [("small", "small"), ("x" * INLINE_OUTPUT, None), (None, None)]
)
async def test_joined_run_gets_the_others_result_if_it_may_travel(
    desk: RunDeskActivities, store: ObjectStore, result: str | None, inline: str | None
) -> None:
    """A small result comes along; a large one, or one out of reach, is named by its digest."""
    output = ABSENT if result is None else await store.put(canonical_json(result))
    joined = await admission(store, decision=Decision.JOIN, output=output)
    admitted = await desk.prepare_run(PrepareInput(admission=joined))
    assert (admitted.output, admitted.admission.output) == (inline, output)
    assert admitted.context == ""


async def test_prepared_pipeline_needs_no_context(
    desk: RunDeskActivities, store: ObjectStore
) -> None:
    """It does not think: its nodes are runs with contexts of their own."""
    pipeline = PipelineSpec.model_validate(
        {"kind": "Pipeline", "name": "morning", "nodes": {"report": {"agent": "report"}}}
    )
    granted = await admission(store, spec=PinnedSpec.of(pipeline))
    admitted = await desk.prepare_run(PrepareInput(admission=granted))
    assert (admitted.context, admitted.blocked) == ("", "")


async def test_run_in_a_store_that_takes_nothing_is_blocked_with_what_to_mend(
    desk: RunDeskActivities, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is begun that could not be kept; what passes by itself is tried again instead."""
    given = PrepareInput(admission=await admission(store))

    async def closed(*_: object, **__: object) -> bytes:
        raise StoreClosedError("store x: cannot write: no space; free some space")

    async def stumbling(*_: object, **__: object) -> bytes:
        raise StoreError("store x: cannot write: reset by peer")

    monkeypatch.setattr(store, "set_ref", stumbling)
    with pytest.raises(StoreError):
        await desk.prepare_run(given)
    monkeypatch.setattr(store, "set_ref", closed)
    admitted = await desk.prepare_run(given)
    assert admitted.blocked == "store x: cannot write: no space; free some space"
    assert (admitted.category, admitted.context) == (FailureCategory.INVALID_REQUEST, "")


@pytest.mark.parametrize(("lent", "blocked"), [(Cap(micros=9), True), (Cap(tokens=9), False)])
async def test_prepared_run_that_cannot_count_the_dollars_it_is_lent_is_blocked(
    desk: RunDeskActivities, store: ObjectStore, lent: Cap, blocked: bool
) -> None:
    """Its caller's limit would never hear of them."""
    lineage = Lineage(root="night", parent="night", allowance=lent)
    runtime = {"kind": "command", "command": ["true"]}
    given = await admission(store, runtime, lineage=lineage)
    admitted = await desk.prepare_run(PrepareInput(admission=given))
    assert ("the share in dollars that night gave" in admitted.blocked) is blocked
