"""The threat model names every risk of both lists, and nothing that is not there."""

import re

import pytest

from tests.house.repository import ROOT, files

PAGE = (ROOT / "docs" / "threat-model.md").read_text()
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^### ((?:ASI|LLM)\d\d) .+?\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
}
DEFINITION = re.compile(r"^ *(?:async )?def (test_\w+)", re.M)
RISKS = [f"{kind}{number:02}" for kind in ("ASI", "LLM") for number in range(1, 11)]


def known_tests() -> set[str]:
    """The names of all test functions."""
    modules = [path.read_text() for path in files(".py") if path.name.startswith("test_")]
    return {name for text in modules for name in DEFINITION.findall(text)}


def test_risk_of_either_list_has_its_section() -> None:
    """Ten and ten, in their order."""
    assert list(SECTIONS) == RISKS


@pytest.mark.parametrize("risk", RISKS)
def test_risk_is_told_with_control_remainder_and_proof(risk: str) -> None:
    """No control is claimed without a test, and none is claimed to be perfect."""
    parts = dict(re.findall(r"^\*\*(\w+)\.\*\* (.+?)(?=^\*\*|\Z)", SECTIONS[risk], re.M | re.S))
    assert list(parts) == ["Control", "Remains", "Tests"]
    assert len(re.findall(r"`test_\w+`", parts["Tests"])) >= 3


def test_test_that_is_named_as_proof_exists() -> None:
    """A test that was renamed, or taken away, is missed here."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert not (missing := named - known_tests()), missing


def test_module_that_is_named_as_control_exists() -> None:
    """So is a module."""
    named = set(re.findall(r"`((?:activities|rota|schedules|workers|workflows)/[\w/]+\.py)`", PAGE))
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]
