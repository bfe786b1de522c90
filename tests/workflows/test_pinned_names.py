"""Names that histories, schedules, dashboards and other people's programs remember."""

import inspect

from temporalio import activity, workflow

from activities import interface
from activities.stores.payloads import DRIVER_NAME
from rota import visibility
from rota.ids import (
    BREAKER_PREFIX,
    BUDGET_PREFIX,
    KEEPER_PREFIX,
    LOCK_PREFIX,
    NOTIFIER_PREFIX,
    TASK_QUEUE,
    TOPIC_PREFIX,
    WATCHDOG_PREFIX,
    keeper_queue,
    watch_queue,
)
from rota.kinds import ARGUMENT_KEYS, WORKFLOW_TYPES, Kind
from rota.pipelines.run import PipelineRunInput
from rota.runs import AgentRunInput
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS
from workflows.agent import AgentWorkflow

TEACHING = (
    "A persisted name changed. Open runs and recorded histories refer to the old one, and "
    "nothing fails until they meet this code. Keep the old name; if it must go, serve both, "
    "put the change behind workflow.patched, and record new histories with 'make record'."
)


def activity_names() -> set[str]:
    """Every activity that the workflows know."""
    functions = [
        function
        for _, desk in inspect.getmembers(interface, inspect.isclass)
        for _, function in inspect.getmembers(desk, inspect.isfunction)
    ]
    definitions = [activity._Definition.from_callable(function) for function in functions]
    return {found.name or "" for found in definitions if found is not None}


def workflow_names() -> set[str | None]:
    """Every workflow type a worker serves."""
    classes = (*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS, *KEEPER_WORKFLOWS)
    return {workflow._Definition.must_from_class(found).name for found in classes}


def test_persisted_names_stay_as_they_are() -> None:
    """Whatever a history or a caller remembers by name is pinned here."""
    keeper = workflow._Definition.must_from_class(AgentWorkflow)
    pinned = {
        "workflows": {
            *("Agent", "AgentRun", "Breaker", "Budget", "Notifier", "PipelineRun"),
            *("ResourceLock", "Topic", "Watchdog", "Backtest", "BacktestCase"),
        },
        "activities": {
            "archive_runs",
            *("admit_run", "prepare_run", "settle_run", "invoke_model", "run_tool"),
            *("look_at_effect", "note_effect", "open_case", "serve_calls", "case_use"),
            *("open_grading", "close_grading"),
            *("ask_need", "announce_run", "acquire_lock", "release_locks", "hold_budget"),
            *("open_handoff", "close_handoff", "load_pipeline", "load_outputs", "store_outcome"),
            *("list_tools", "compact_conversation", "submit_session", "observe_session"),
            *("answer_session", "collect_session", "cancel_session"),
            *("post_facts", "send_notification", "check_edit", "check_result", "read_use"),
            *("list_agents", "look_at_agents", "send_beat"),
            *("deliver_events", "closed_runs", "start_runs", "page_ledger"),
        },
        "keeper updates": {
            "admit",
            "backfill",
            "accept_baseline",
            "change_memory",
            "reject_baseline",
            "declare",
            "freeze",
            "hold",
            "need",
            "note_effect",
            "raise_budget",
            "reset_conversation",
            "retire",
            "settle",
            "stopped",
            "thaw",
        },
        "keeper queries": {"reading", "state"},
        "memo keys": (
            *("rota_result", "rota_agent", "rota_schedule", "rota_team", "rota_topic"),
            "rota_pipeline",
        ),
        "search attributes": {
            "RotaAgent": "Keyword",
            "RotaTeam": "Keyword",
            "RotaStatus": "Keyword",
            "RotaTrigger": "Keyword",
            "RotaPipeline": "Keyword",
            "RotaRoot": "Keyword",
            "RotaFailure": "Keyword",
            "RotaSlot": "Datetime",
            "RotaTurns": "Int",
            "RotaTokens": "Int",
            "RotaCostMicros": "Int",
        },
        "ids": (
            *("agent:", "breaker:", "budget:", "notify:", "topic:", "lock:", "watchdog:"),
            *("rota", "rota-keepers", "rota-watches"),
        ),
        "storage driver": "rota",
    }
    found = {
        "workflows": workflow_names(),
        "activities": activity_names(),
        "keeper updates": set(keeper.updates),
        "keeper queries": {name for name in keeper.queries if not str(name).startswith("__")},
        "memo keys": (
            visibility.RESULT_MEMO,
            visibility.KEEPER_MEMO,
            visibility.SCHEDULE_MEMO,
            visibility.TEAM_MEMO,
            visibility.TOPIC_MEMO,
            visibility.PIPELINE_MEMO,
        ),
        "search attributes": visibility.SEARCH_ATTRIBUTES,
        "ids": (
            KEEPER_PREFIX,
            BREAKER_PREFIX,
            BUDGET_PREFIX,
            NOTIFIER_PREFIX,
            TOPIC_PREFIX,
            LOCK_PREFIX,
            WATCHDOG_PREFIX,
            TASK_QUEUE,
            keeper_queue(TASK_QUEUE),
            watch_queue(TASK_QUEUE),
        ),
        "storage driver": DRIVER_NAME,
    }
    assert found == pinned, TEACHING


def test_runs_of_each_kind_are_served_and_take_the_name_under_its_key() -> None:
    """Whatever starts a run, by schedule, event, order or hand, starts one that there is."""
    served = {workflow._Definition.must_from_class(found).name for found in RUN_WORKFLOWS}
    assert set(WORKFLOW_TYPES.values()) == served
    arguments: dict[Kind, type[AgentRunInput] | type[PipelineRunInput]] = {
        "Agent": AgentRunInput,
        "Pipeline": PipelineRunInput,
    }
    for kind, key in ARGUMENT_KEYS.items():
        arguments[kind].model_validate({key: "report"})
