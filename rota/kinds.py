"""The two kinds of declaration, and what their runs are called on the server. Pure.

These names are on every server that Rota has run on: they never change.
"""

from typing import Literal

Kind = Literal["Agent", "Pipeline"]
"""As in `kind:` of a declaration."""

WORKFLOW_TYPES: dict[Kind, str] = {"Agent": "AgentRun", "Pipeline": "PipelineRun"}
"""Workflow type of the runs."""

ARGUMENT_KEYS: dict[Kind, str] = {"Agent": "agent", "Pipeline": "pipeline"}
"""The key of the workflow's argument under which a run is told its name."""
