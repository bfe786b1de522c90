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
    "RotaFailure": "Keyword",
    "RotaSlot": "Datetime",
    "RotaTurns": "Int",
    "RotaTokens": "Int",
    "RotaCostMicros": "Int",
}
"""Five of the ten Keyword columns a namespace has, one of three Datetime, all three Int."""

RESULT_MEMO = "rota_result"
"""Memo key of a finished run's `AgentRunResult`, without its output."""
KEEPER_MEMO = "rota_agent"
"""Memo key on a keeper: `{"fleet", "digest"}` of the declaration in force."""
SCHEDULE_MEMO = "rota_schedule"
"""Memo key on a schedule's action (and so on its runs): where the schedule came from."""
