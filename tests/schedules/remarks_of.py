"""What the lint says of one agent, in short, for tables of cases."""

from typing import Any

from rota.agent_spec import AgentSpec
from schedules.lints.all_of_them import lint_spec
from tests.schedules.fleet_folder import NOW

DAILY = {"cron": "0 6 * * *"}


def remarks_of(**fields: Any) -> list[tuple[str, str, str]]:
    """Level, key and message of each remark on an agent with `fields`."""
    base = {"name": "x", "runtime": {"kind": "anthropic", "model": "m"}}
    spec = AgentSpec.model_validate(base | fields)
    return [
        (remark.level, ".".join(map(str, remark.path)), remark.message)
        for remark in lint_spec(spec, NOW)
    ]
