"""Retention classes: one that nobody declares would keep runs for ever."""

from pathlib import Path

from tests.schedules.fleet_folder import AGENT, findings, write

FLEET = "name: finance\naudit: {retention: {default: 400d, payments: 3700d}}\n"


def test_class_that_the_fleet_has_is_clean(tmp_path: Path) -> None:
    """Or none at all."""
    write(tmp_path, "fleet.yaml", FLEET)
    write(tmp_path, "agents/x.yaml", AGENT + "retention: payments\n")
    write(tmp_path, "agents/y.yaml", AGENT.replace("name: x", "name: y"))
    assert findings(tmp_path) == []


def test_class_that_the_fleet_lacks_is_an_error_at_its_key(tmp_path: Path) -> None:
    """The likely one is suggested."""
    write(tmp_path, "fleet.yaml", FLEET)
    write(tmp_path, "agents/x.yaml", AGENT + "retention: payment\n")
    assert findings(tmp_path) == [
        "agents/x.yaml:3: error: retention: no class 'payment' in audit.retention of fleet.yaml; "
        "did you mean 'payments'?"
    ]
