"""The board Cost and budgets: what was spent, by whom and on what, and what is left. Pure."""

from deploy.grafana.boards.asking import DAY, RANGE, gained, gauge, share, total
from deploy.grafana.boards.choices import AGENTS, JOBS, TEAMS
from deploy.grafana.boards.declared import Board, Query, Row, Unit, bars, lines, number

SPENT = Row(
    "Spent",
    (
        number(
            "Spent today",
            Unit.DOLLARS,
            "By all agents chosen, each in its own day's time zone; runs at work included.",
            total("rota_budget_spent_dollars", window="day"),
        ),
        number(
            "Spent this month",
            Unit.DOLLARS,
            "By all agents chosen; runs at work included.",
            total("rota_budget_spent_dollars", window="month"),
        ),
        number(
            "Spent in the time shown",
            Unit.DOLLARS,
            "By runs that ended in it.",
            gained("rota_cost_dollars_total", within=RANGE),
        ),
        number(
            "A success costs",
            Unit.DOLLARS,
            "What was spent in the time shown, failures included, for each run that succeeded.",
            share(
                gained("rota_cost_dollars_total", within=RANGE),
                gained("rota_runs_total", within=RANGE, outcome="succeeded"),
            ),
        ),
        number(
            "Tokens from caches",
            Unit.SHARE,
            "Of all that models read in the time shown. Cached tokens cost a fraction.",
            share(
                gained("rota_tokens_total", within=RANGE, type="cache_read"),
                gained("rota_tokens_total", within=RANGE, type="input|cache_read|cache_write"),
            ),
        ),
        number(
            "May have been billed besides",
            Unit.DOLLARS,
            "At most, in the time shown, for answers that were lost. In no other sum.",
            gained("rota_unknown_cost_dollars_total", within=RANGE),
        ),
        lines(
            "Cost by agent, in the day before",
            Unit.DOLLARS,
            "What is known to be spent; counted at a run's end.",
            Query(gained("rota_cost_dollars_total", "agent", within=DAY)),
        ),
        lines(
            "Cost by model, in the day before",
            Unit.DOLLARS,
            "By the model that answered.",
            Query(gained("rota_cost_dollars_total", "model", within=DAY), "{{model}}"),
        ),
        lines(
            "Tokens by type, in the day before",
            Unit.COUNT,
            "Read, written, and read from or written to the provider's cache.",
            Query(gained("rota_tokens_total", "type", within=DAY), "{{type}}"),
        ),
        lines(
            "Runs without a price, in the day before",
            Unit.COUNT,
            "Runs that used what has no price: their cost is in no sum. Declare runtime.price.",
            Query(gained("rota_unpriced_runs_total", "agent", within=DAY)),
        ),
        lines(
            "Answers lost, in the day before",
            Unit.COUNT,
            "Attempts that may have been billed, and nobody has the answer.",
            Query(gained("rota_unknown_attempts_total", "agent", within=DAY)),
        ),
    ),
)

BUDGETS = Row(
    "Budgets of agents",
    (
        bars(
            "Used of the budget in dollars",
            Unit.SHARE,
            "Spent and reserved, in the window that runs now. Nothing: no limit is declared.",
            Query(
                f"1 - {gauge('rota_budget_left_dollars', 'agent', 'window')}"
                f" / {gauge('rota_budget_limit_dollars', 'agent', 'window')}",
                "{{agent}} {{window}}",
            ),
        ),
        bars(
            "Used of the budget in tokens",
            Unit.SHARE,
            "Spent and reserved, in the window that runs now. Nothing: no limit is declared.",
            Query(
                f"1 - {gauge('rota_budget_left_tokens', 'agent', 'window')}"
                f" / {gauge('rota_budget_limit_tokens', 'agent', 'window')}",
                "{{agent}} {{window}}",
            ),
        ),
        lines(
            "Left of the budget",
            Unit.DOLLARS,
            "What may still be reserved; it jumps where a window turns or a person raises it.",
            Query(gauge("rota_budget_left_dollars", "agent", "window"), "{{agent}} {{window}}"),
        ),
        lines(
            "Runs that wait for room",
            Unit.COUNT,
            "They were refused, and go on when a window turns or a person raises the budget.",
            Query(gauge("rota_budget_waiting_runs", "agent")),
        ),
    ),
)

OF_TEAMS = Row(
    "Budgets of teams",
    (
        bars(
            "Used of the team's budget in dollars",
            Unit.SHARE,
            "Spent and reserved by all its agents, in the window that runs now.",
            Query(
                f"1 - {gauge('rota_team_budget_left_dollars', 'team', 'window')}"
                f" / {gauge('rota_team_budget_limit_dollars', 'team', 'window')}",
                "{{team}} {{window}}",
            ),
        ),
        bars(
            "Used of the team's budget in tokens",
            Unit.SHARE,
            "Spent and reserved by all its agents, in the window that runs now.",
            Query(
                f"1 - {gauge('rota_team_budget_left_tokens', 'team', 'window')}"
                f" / {gauge('rota_team_budget_limit_tokens', 'team', 'window')}",
                "{{team}} {{window}}",
            ),
        ),
        lines(
            "Spent by teams",
            Unit.DOLLARS,
            "In the window that runs now.",
            Query(gauge("rota_team_budget_spent_dollars", "team", "window"), "{{team}} {{window}}"),
        ),
        lines(
            "Runs that wait for the team's room",
            Unit.COUNT,
            "They were refused, and go on when a window turns or a person raises the budget.",
            Query(gauge("rota_team_budget_waiting_runs", "team"), "{{team}}"),
        ),
    ),
)

COST = Board(
    "rota-cost",
    "Rota / Cost and budgets",
    "What agents and teams have spent, on which models, and what they have left.",
    (SPENT, BUDGETS, OF_TEAMS),
    (JOBS, AGENTS, TEAMS),
)
