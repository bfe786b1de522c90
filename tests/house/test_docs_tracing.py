"""The page of traces tells the closed list of attributes as it is."""

from rota.spans import ATTRIBUTES, CONTENT, Operation
from tests.house.documentation import quoted, tables
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "tracing.md"


def test_page_lists_every_attribute_as_it_is_and_no_other() -> None:
    """What is recorded always, then what is recorded only where content is asked for."""
    always, content = (
        {quoted(row["attribute"])[0]: row["meaning"] for row in table.rows}
        for table in tables(PAGE)
        if "attribute" in table.heading
    )
    assert always == dict(ATTRIBUTES)
    assert content == dict(CONTENT)


def test_page_shows_every_operation() -> None:
    """Their names begin those of the spans."""
    assert not [each for each in Operation if each.value not in PAGE.read_text()]
