"""Words of the queries by which the server lists workflows. Pure."""

from collections.abc import Iterable

KEEPERS = "WorkflowType = 'Agent' AND ExecutionStatus = 'Running'"
"""Those of all agents and pipelines."""
EVER_KEEPERS = "WorkflowType = 'Agent' AND ExecutionStatus != 'ContinuedAsNew'"
"""Also those that were ended, while the server knows them."""


def quoted(value: str) -> str:
    """Return `value` as a query writes it; there is no way to write a quote within one."""
    return "'" + value.replace("'", "") + "'"


def any_of(values: Iterable[str]) -> str:
    """Return what stands behind IN: `('a', 'b')`, in the order given."""
    return f"({', '.join(map(quoted, values))})"
