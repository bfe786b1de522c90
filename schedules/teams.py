"""Teams as declared, beside what the server has of them, and what follows for their agents.

Pure: everything it looks at has been read before.
"""

from collections.abc import Mapping
from typing import Any

from rota.ids import keeper_queue
from rota.notices.spec import Notify
from rota.pinned_spec import window_caps
from rota.team_spec import TeamSpec
from schedules.changes import Action, AgentPlan, FieldChange, Step
from schedules.declared import DeclaredAgent, DeclaredPipeline, DeclaredTeam
from schedules.differences import field_changes, flatten
from schedules.live_holders import LiveHolder

_SUMS_STAY = "its sums stay with its account"


def with_teams(
    agents: Mapping[str, DeclaredAgent], teams: Mapping[str, DeclaredTeam]
) -> dict[str, DeclaredAgent]:
    """Return the agents with what their teams declare filled in."""
    return {name: _filled(agent, teams) for name, agent in agents.items()}


def with_team_notify(
    pipelines: Mapping[str, DeclaredPipeline], teams: Mapping[str, DeclaredTeam]
) -> dict[str, DeclaredPipeline]:
    """Return the pipelines with whom their teams tell of their runs."""
    filled = dict(pipelines)
    for name, pipeline in pipelines.items():
        team = teams.get(pipeline.spec.team)
        if team is not None and (update := _notify(pipeline.spec.notify, team)):
            spec = pipeline.spec.model_copy(update=update)
            filled[name] = DeclaredPipeline(spec, pipeline.document)
    return filled


def team_conflicts(name: str, live: LiveHolder | None, fleet: str, task_queue: str) -> list[str]:
    """Return why this fleet may not have the team, one line per reason."""
    if live is None or live.ended:
        return []
    if live.fleet not in ("", fleet):
        return [
            f"team '{name}' belongs to fleet '{live.fleet}': declare it in one of them, or remove "
            f"it from '{live.fleet}' and apply that first"
        ]
    if live.task_queue != keeper_queue(task_queue):
        there = live.task_queue.removesuffix(keeper_queue(""))
        return [
            f"team '{name}' lives on task queue '{there}' and cannot move: set "
            f"ROTA_TASK_QUEUE={there}, or rename the team"
        ]
    return []


def team_plan(
    declared: DeclaredTeam, live: LiveHolder | None, fleet: str, earlier: TeamSpec | None
) -> AgentPlan:
    """Return what is to happen to a team.

    Args:
        declared: As the files say.
        live: What the server has of it.
        fleet: The fleet.
        earlier: The declaration in force, if it could be read.
    """
    spec = declared.spec
    in_force = live.in_force(fleet) if live else ""
    action, fields = Action.UNCHANGED, list[FieldChange]()
    if not in_force:
        bare = TeamSpec(kind="Team", name=spec.name)
        action, fields = Action.CREATE, field_changes(flatten(bare.document), _fields(spec))
        fields = [change.model_copy(update={"before": None}) for change in fields]
    elif in_force != spec.digest:
        action, fields = Action.CHANGE, field_changes(_fields(earlier), _fields(spec))
        fields.append(FieldChange(field="digest", before=in_force[:12], after=spec.digest[:12]))
    return AgentPlan(
        agent=spec.name,
        kind="Team",
        action=action,
        source=f"{declared.source}:{declared.line}",
        digest=spec.digest,
        fields=tuple(fields),
        steps=() if action is Action.UNCHANGED else (Step.DECLARE,),
        notes=_notes(live, in_force),
    )


def team_removal(live: LiveHolder, fleet: str) -> AgentPlan | None:
    """Return what takes a team away that `fleet` owns and no longer declares; None if nothing."""
    if not live.in_force(fleet):
        return None
    return AgentPlan(
        agent=live.name,
        kind="Team",
        action=Action.REMOVE,
        fields=(FieldChange(field="team", before="present"),),
        steps=(Step.RETIRE,),
        notes=(_SUMS_STAY,),
    )


def _filled(agent: DeclaredAgent, teams: Mapping[str, DeclaredTeam]) -> DeclaredAgent:
    team = teams.get(agent.spec.team)
    if team is None:
        return agent
    filled = _notify(agent.spec.notify, team)
    if caps := window_caps(team.spec.budget):
        filled["team_budget"] = True
        filled["team_usd"] = any(cap.micros is not None for cap in caps.values())
    return DeclaredAgent(agent.spec.model_copy(update=filled), agent.document) if filled else agent


def _notify(own: Notify | None, team: DeclaredTeam) -> dict[str, Any]:
    """Whom the team names, for one that names nobody; `[]` says that nobody is to be told."""
    return {"notify": team.spec.notify} if own is None and team.spec.notify else {}


def _fields(spec: TeamSpec | None) -> dict[str, object]:
    return flatten(spec.document) if spec else {}


def _notes(live: LiveHolder | None, in_force: str) -> tuple[str, ...]:
    if live is not None and live.ended:
        return (f"its account was {live.ended}: its sums begin anew",)
    if live is not None and not in_force:
        return ("its account still has the sums of before",)
    return ()
