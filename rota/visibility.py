"""What Rota writes where people search and look: attribute and memo names.

Search attributes are never encrypted, so nothing private enters them: no input, no
session key, no text from a model.
"""

from typing import Literal

SEARCH_ATTRIBUTES: dict[str, Literal["Keyword", "Datetime", "Int"]] = {
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
}
"""Seven of the ten Keyword columns a namespace has, one of three Datetime, all three Int.

`RotaRoot` is the workflow id of the run that everything began with: a pipeline run, the
outermost caller of a handoff, or the run itself."""

RESULT_MEMO = "rota_result"
"""Memo key of a finished run's `AgentRunResult`, without its output."""
KEEPER_MEMO = "rota_agent"
"""Memo key on a keeper: `{"fleet", "digest", "kind", "team"}` of the declaration in force,
`"owner"`, the fleet of the last one, which stays when it is taken back, and `"freeze"` while it
is frozen."""
TEAM_MEMO = "rota_team"
"""Memo key on a team's account: `{"fleet", "digest"}` of the declaration in force."""
TOPIC_MEMO = "rota_topic"
"""Memo key on a topic: `{"subscribers": {name: fleet}, "published": n}`."""
PIPELINE_MEMO = "rota_pipeline"
"""Memo key of a finished pipeline run: its `PipelineResult` without the nodes' outputs."""
SCHEDULE_MEMO = "rota_schedule"
"""Memo key on a schedule's action (and so on its runs): where the schedule came from."""
