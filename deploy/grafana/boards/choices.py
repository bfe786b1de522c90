"""What readers of boards choose from: jobs, agents, teams. Pure."""

from deploy.grafana.boards.declared import Choice

JOBS = Choice("job", "job", "rota_build_info", "Fleets (jobs of gateways)")
AGENTS = Choice("agent", "agent", 'rota_agent_info{job=~"$job"}', "Agents")
ONE_AGENT = Choice("agent", "agent", 'rota_agent_info{job=~"$job"}', "Agent", is_one=True)
TEAMS = Choice("team", "team", 'rota_team_budget_spent_dollars{job=~"$job"}', "Teams")
WORKERS = Choice("workers", "job", "rota_activity_duration_seconds_count", "Workers (jobs)")
SERVERS = Choice("servers", "job", "service_requests", "Temporal servers (jobs)")
NAMESPACES = Choice(
    "namespace", "namespace", "rota_activity_duration_seconds_count", "Namespace", is_one=True
)
"""For links to Temporal: every board has it."""
