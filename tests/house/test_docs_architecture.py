"""The page on architecture names what there is: modules, folders, and every type of workflow."""

import re

from tests.house.documentation import tables
from tests.house.repository import ROOT
from workers.plugin import KEEPER_WORKFLOWS, RUN_WORKFLOWS, WHAT_IF_WORKFLOWS

PAGE = ROOT / "docs" / "architecture.md"
PLACE = re.compile(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/)?)`")


def test_every_place_it_names_is_there() -> None:
    """Modules and folders, from the top of the repository."""
    named = [place for place in PLACE.findall(PAGE.read_text()) if "/" in place]
    assert len(named) > 40
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_every_type_of_workflow_is_told_and_no_other() -> None:
    """With the module that defines it."""
    [table] = [each for each in tables(PAGE) if each.heading[0] == "type"]
    told = {
        name: re.findall(r"`([^`]+)`", row["where"])[position if "," in row["type"] else 0]
        for row in table.rows
        for position, name in enumerate(re.findall(r"`(\w+)`", row["type"]))
    }
    served = (*RUN_WORKFLOWS, *WHAT_IF_WORKFLOWS, *KEEPER_WORKFLOWS)
    assert told == {
        vars(each)["__temporal_workflow_definition"].name: each.__module__.replace(".", "/") + ".py"
        for each in served
    }
