"""Gathers the record of one run from the server, its keeper and the object store.

Activity side: reads, changes nothing, so a worker may do it as well as a command. What one place
has lost is a note in the record, not an error; only a run that the server does not know is one.
"""

from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, TypedSearchAttributes
from temporalio.service import RPCError

from activities.audit.fetching import FetchedHistories, fetch_histories, key_of
from activities.audit.inlining import inlined
from activities.audit.ledger_entry import LedgerUnreadError, ledger_entry
from activities.audit.secret_values import redactor
from activities.audit.versions import versions_of
from activities.audit.work_done import WorkDone
from activities.documents import get_context, get_json, get_memory
from activities.server_errors import is_missing
from activities.stores.base import ObjectStore, StoreError
from rota.audit.histories import Span, events_of, spans_of, time_of
from rota.audit.redaction import Redactor
from rota.audit.run_record import RecordedApproval, RunRecord
from rota.connections import Connections
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES, Kind
from rota.run_ref import RunRef
from rota.runs import AgentRunResult, RunStatus, Trigger
from rota.turns.memory import MemoryVersion
from rota.turns.transcript import RunContext
from rota.visibility import PIPELINE_MEMO, RESULT_MEMO

KINDS: dict[str, Kind] = {workflow: kind for kind, workflow in WORKFLOW_TYPES.items()}
_ENDINGS = {
    WorkflowExecutionStatus.COMPLETED: RunStatus.SUCCEEDED,
    WorkflowExecutionStatus.CANCELED: RunStatus.CANCELLED,
    WorkflowExecutionStatus.TIMED_OUT: RunStatus.TIMED_OUT,
}


_TEAM = SearchAttributeKey.for_keyword("RotaTeam")
_STATUS = SearchAttributeKey.for_keyword("RotaStatus")
_TRIGGER = SearchAttributeKey.for_keyword("RotaTrigger")
_SCHEDULE = SearchAttributeKey.for_keyword("TemporalScheduledById")
_SLOT = SearchAttributeKey.for_datetime("RotaSlot")


class RunUnknownError(Exception):
    """The server has no such run, or no more."""


async def collect_run(
    client: Client,
    store: ObjectStore,
    run_id: str,
    connections: Connections,
    execution: str | None = None,
) -> RunRecord:
    """Gather the record of a run, secrets cut out.

    Args:
        client: Of the run's namespace.
        store: The workers' store.
        run_id: Workflow id.
        connections: Of the fleet: its secrets are looked up here, and cut out.
        execution: One of its executions, where the workflow id was used again; None: the newest.

    Raises:
        RunUnknownError: the server does not know it, or it is no run.
        StoreError: the store does not answer, or holds damaged bytes.
        RPCError: the server does not answer.
    """
    handle = client.get_workflow_handle(run_id, run_id=execution)
    try:
        described = await handle.describe()
        fetched = await fetch_histories(client, described)
    except RPCError as error:
        if not is_missing(error):
            raise
        raise RunUnknownError(f"no run '{run_id}' in namespace {client.namespace}") from error
    if described.workflow_type not in KINDS:
        raise RunUnknownError(f"'{run_id}' is no run but a workflow of {described.workflow_type}")
    record = await _Gatherer(client, store, described, fetched).gather()
    return without_secrets(record, redactor(connections, record.spec))


def without_secrets(record: RunRecord, cut: Redactor) -> RunRecord:
    """Return the record with secrets cut out of all its texts, and of its histories' payloads."""
    executions = tuple(
        each.model_copy(update={"history": cut.history(each.history)}) for each in record.executions
    )
    document = cut.json(record.model_dump(mode="json", exclude={"executions"}))
    return RunRecord.model_validate(document).model_copy(update={"executions": executions})


class _Gatherer:
    def __init__(
        self,
        client: Client,
        store: ObjectStore,
        described: WorkflowExecutionDescription,
        fetched: FetchedHistories,
    ) -> None:
        self._client = client
        self._store = store
        self._described = described
        self._fetched = fetched
        self._run = RunRef(id=described.id, key=key_of(described))
        self._started = time_of(events_of(fetched.executions[0])[0])
        self._spans = spans_of(fetched.executions)
        self._work = WorkDone(store, self._run, self._spans)

    async def gather(self) -> RunRecord:
        described, fetched, work = self._described, self._fetched, self._work
        kind = KINDS[described.workflow_type]
        outcome = await self._outcome(kind)
        result = AgentRunResult.model_validate(outcome) if kind == "Agent" and outcome else None
        turns = await work.turns((result.transcript if result else None) or _head(self._spans))
        calls, approvals = await work.calls(turns)
        context = await self._context(turns[0].node.context if turns else _context(self._spans))
        spec = await self._spec(context)
        given = {key: value for key, value in fetched.given.items() if key != "checkpoint"}
        agent = given.get(ARGUMENT_KEYS[kind]) or ""
        attributes = described.typed_search_attributes
        record = RunRecord(
            run=self._run,
            agent=str(agent),
            kind=kind,
            team=attributes.get(_TEAM) or "",
            fleet=self._fleet(context),
            namespace=self._client.namespace,
            versions=await versions_of(self._client, fetched.executions),
            started=self._started,
            ended=described.close_time,
            status=_status(described, outcome, attributes),
            trigger=Trigger(attributes.get(_TRIGGER) or Trigger.MANUAL),
            slot=attributes.get(_SLOT),
            schedule_id=attributes.get(_SCHEDULE) or "",
            given=given,
            executions=(),
            spec_digest=self._spec_digest(context),
            spec=spec,
            context=context,
            memory_before=await self._memory(context.memory if context else None),
            memory_after=await self._memory(result.memory if result else None),
            turns=turns,
            calls=calls,
            approvals=await self._approvals(approvals, result),
            effects=await work.effects(calls),
            attempts=await work.attempts(),
            ledger=await self._ledger(str(agent)),
            outcome=outcome,
            output=await self._output(outcome),
        )
        claims = await inlined(self._store, fetched.executions, work.notes)
        return record.model_copy(
            update={
                "executions": tuple(fetched.executions),
                "notes": (*fetched.notes, *work.notes),
                "objects": tuple(sorted(work.objects | claims)),
            }
        )

    async def _outcome(self, kind: Kind) -> dict[str, Any]:
        """The result: of its last event, else of the memo that it leaves at its end."""
        if "status" in self._fetched.outcome:
            return self._fetched.outcome
        name = RESULT_MEMO if kind == "Agent" else PIPELINE_MEMO
        memo: dict[str, Any] | None = await self._described.memo_value(name, None)
        return memo or {}

    async def _context(self, digest: str | None) -> RunContext | None:
        digest = digest or self._fetched.admitted.get("context") or None
        if digest is None:
            return None
        self._work.objects.add(digest)
        read = self._work.got(lambda: get_context(self._store, digest), "its context", None)
        context = await read
        if context is not None:
            begun_with = (context.conversation, context.baseline and context.baseline.digest)
            self._work.objects |= {each for each in begun_with if each}
        return context

    def _spec_digest(self, context: RunContext | None) -> str:
        return context.spec.digest if context else str(self._admitted_spec().get("digest") or "")

    def _fleet(self, context: RunContext | None) -> str:
        return context.spec.fleet if context else str(self._admitted_spec().get("fleet") or "")

    def _admitted_spec(self) -> dict[str, Any]:
        admission: dict[str, Any] = self._fetched.admitted.get("admission") or {}
        return admission.get("spec") or {}

    async def _spec(self, context: RunContext | None) -> dict[str, Any] | None:
        digest = self._spec_digest(context)
        if not digest:
            return None
        self._work.objects.add(digest)
        return await self._work.got(lambda: get_json(self._store, digest), "its declaration", None)

    async def _memory(self, digest: str | None) -> MemoryVersion | None:
        if digest is not None:
            self._work.objects.add(digest)
        return await self._work.got(lambda: get_memory(self._store, digest), "a memory", None)

    async def _output(self, outcome: dict[str, Any]) -> Any:
        digest = outcome.get("output_digest")
        if digest:
            self._work.objects.add(digest)
        if outcome.get("output") is not None or not digest:
            return outcome.get("output")
        return await self._work.got(lambda: get_json(self._store, digest), "its result", None)

    async def _approvals(
        self, decided: tuple[RecordedApproval, ...], result: AgentRunResult | None
    ) -> tuple[RecordedApproval, ...]:
        """Those of its calls, and those that its result names besides: a session's own."""
        known = {each.ruling.id for each in decided}
        more = [each for each in (result.approvals if result else ()) if each.id not in known]
        found = [*decided, *[await self._work.approval(each) for each in more]]
        return tuple(sorted(found, key=lambda each: each.ruling.at))

    async def _ledger(self, agent: str) -> Any:
        if not agent:
            return None
        try:
            return await ledger_entry(self._client, self._store, agent, self._run, self._started)
        except (LedgerUnreadError, StoreError) as error:
            self._work.notes.append(f"the ledger was not read: {error}")
            return None


def _status(
    described: WorkflowExecutionDescription,
    outcome: dict[str, Any],
    attributes: TypedSearchAttributes,
) -> RunStatus:
    """As its result has it; else as its attribute says, unless its ending says otherwise."""
    if outcome.get("status"):
        return RunStatus(outcome["status"])
    status = RunStatus(attributes.get(_STATUS) or RunStatus.RUNNING)
    if described.status is WorkflowExecutionStatus.RUNNING or status.closed:
        return status
    ended = described.status
    return _ENDINGS.get(ended, RunStatus.FAILED) if ended else RunStatus.FAILED


def _head(spans: list[Span]) -> str | None:
    """The newest node that a run without a result is known to have come to."""
    heads = [str(span.came["head"]) for span in spans if span.came.get("head")]
    return heads[-1] if heads else None


def _context(spans: list[Span]) -> str | None:
    return next((str(span.given["context"]) for span in spans if span.given.get("context")), None)
