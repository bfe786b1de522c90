"""Names that people give: one shape for agents, pipelines, teams, fleets and nodes."""

import re
from typing import Annotated

from pydantic import AfterValidator

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN, value) or len(value) > 60:
        raise ValueError(
            f"'{value}' is not a name: lower-case letters, digits and single hyphens, "
            "at most 60 characters, for example nightly-report"
        )
    return value


AgentName = Annotated[str, AfterValidator(_name)]
