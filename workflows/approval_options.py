"""Timeouts around a person's decision, each with its reason; see `workflows.activity_options`."""

from datetime import timedelta

from workflows.activity_options import DeskOptions, desk_options

EDIT_PATIENCE = timedelta(seconds=20)
"""How long a look at edited arguments is tried: somebody sits and waits for the answer. Above
two attempts of a look-up (10 s each)."""


def edit_options() -> DeskOptions:
    """Options of looking at arguments that a person wrote. Given up soon: they can try again."""
    options = desk_options()
    options["schedule_to_close_timeout"] = EDIT_PATIENCE
    return options
