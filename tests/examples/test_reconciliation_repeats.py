"""Crashes, repeats and later corrections: the state changes once, or not at all."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rota.tools import ToolError

DIES_WHILE_IMPORTING = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from activities.tools.fleet import load_tools

fleet, state = Path(sys.argv[1]), sys.argv[2]

def die_at_the_third(text):
    if "DE82" in text:
        os.kill(os.getpid(), signal.SIGKILL)

context = SimpleNamespace(
    idempotency_key="k", fleet=fleet, input={"state": state}, heartbeat=die_at_the_third, fences={}
)
load_tools(fleet)["ledger.import_statements"](context)
"""


@pytest.fixture
def copied(desk: Any, fleet: Path, tmp_path: Path) -> Any:
    """A desk whose statements and ledger are copies, to be tampered with."""
    shutil.copytree(fleet / "data", tmp_path / "data")
    desk.input |= {
        "statements": str(tmp_path / "data" / "statements"),
        "ledger": str(tmp_path / "data" / "ledger.csv"),
    }
    return desk


def _statement(desk: Any, day: str, account: str = "DE82") -> Path:
    (path,) = Path(desk.input["statements"]).glob(f"{day}_{account}*.xml")
    return path


def test_slot_run_again_with_its_keys_changes_nothing(month: SimpleNamespace) -> None:
    """A re-run of a slot gets the answers of the first run and leaves every byte."""
    before = month.desk.dump()
    again = month.desk.run("slot-2", "2026-10-01")
    assert again["imported"] == month.runs[1]["imported"]
    assert again["matched"] == month.runs[1]["matched"]
    for item in month.runs[1]["findings"]:
        month.desk.call(
            "flag",
            f"slot-2-flag-{item['entry_id']}",
            entry_id=item["entry_id"],
            kind=item["kind"],
            explanation=item["reason"],
        )
    assert month.desk.dump() == before


def test_slot_run_again_with_other_keys_changes_nothing(month: SimpleNamespace) -> None:
    """The entries themselves are the key: an outdated memory repeats no effect."""
    before = month.desk.dump()
    again = month.desk.run("another", "2026-10-01")
    assert again["imported"]["already_imported"] == 3
    assert again["imported"]["last_statement"] == "2026-10-02"
    for item in month.runs[1]["findings"]:
        month.desk.call(
            "flag",
            f"other-{item['entry_id']}",
            entry_id=item["entry_id"],
            kind=item["kind"],
            explanation=item["reason"],
        )
    assert month.desk.dump() == before


def test_import_killed_in_the_middle_leaves_nothing_and_can_be_repeated(
    desk: Any, fleet: Path
) -> None:
    """A kill -9 between two statements: no statement is there; the repeat imports all."""
    victim = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_IMPORTING, str(fleet), str(desk.state)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert victim.returncode == -9
    for table in ("statements", "bank_entries", "ledger_lines", "calls"):
        assert desk.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    assert desk.call("import_statements", "k")["imported"] == 3
    assert desk.rows("SELECT count(*) FROM statements") == [(3,)]


def test_import_that_fails_at_the_end_leaves_nothing(copied: Any) -> None:
    """Statements are not imported without the ledger lines of their day."""
    desk = copied
    desk.call("import_statements", "one")
    before = desk.dump()
    ledger = Path(desk.input["ledger"])
    ledger.write_text(ledger.read_text(encoding="utf-8") + "torn off\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"ledger\.csv:\d+: .* export it again"):
        desk.call("import_statements", "two", after="2026-10-01")
    assert desk.dump() == before


def test_call_made_twice_at_once_changes_the_state_once(desk: Any) -> None:
    """Two workers with the same call: one does it, both get the one answer."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: desk.call("import_statements", "same"), range(2))
    assert first == second
    assert first["imported"] == 3
    assert desk.rows("SELECT count(*) FROM statements") == [(3,)]


def test_import_takes_a_statement_that_came_late(copied: Any, tmp_path: Path) -> None:
    """A file that was not there on its day is taken by the next run, mark or no mark."""
    late = _statement(copied, "2026-10-01")
    shutil.move(late, tmp_path / late.name)
    assert copied.run("one", None)["imported"]["imported"] == 2
    shutil.move(tmp_path / late.name, late)
    second = copied.run("two", "2026-10-01")["imported"]
    assert [s["day"] for s in second["statements"]].count("2026-10-01") == 1
    assert second["imported"] == 4


def test_import_with_a_statement_missing_between_is_refused(copied: Any) -> None:
    """A gap in the account's statements stops the import and names what is missing."""
    copied.call("import_statements", "one")
    _statement(copied, "2026-10-02").unlink()
    before = copied.dump()
    with pytest.raises(ToolError, match=r"is statement 3 of DE82\d+, but 2 comes next: put"):
        copied.call("import_statements", "two", after="2026-10-01", days=2)
    assert copied.dump() == before


def test_import_of_a_changed_statement_is_refused(copied: Any) -> None:
    """What was imported cannot be changed afterwards without somebody noticing."""
    copied.call("import_statements", "one")
    path = _statement(copied, "2026-10-01")
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ToolError, match="was changed after its import"):
        copied.call("import_statements", "two", after="2026-10-01")


def test_import_of_a_changed_ledger_line_is_refused(copied: Any) -> None:
    """The ledger is corrected by new lines, not by rewriting posted ones."""
    copied.call("import_statements", "one")
    ledger = Path(copied.input["ledger"])
    text = ledger.read_text(encoding="utf-8")
    line = next(row for row in text.splitlines() if row.startswith("GL-100001,"))
    ledger.write_text(text.replace(line, line + "!"), encoding="utf-8")
    with pytest.raises(ToolError, match="ledger line GL-100001 was changed"):
        copied.call("import_statements", "two", after="2026-10-01")


def test_discrepancy_corrected_in_the_ledger_counts_as_resolved(copied: Any) -> None:
    """A correcting line settles the flagged entry; the record of it stays."""
    first = copied.run("one", None)
    finding = next(x for x in first["findings"] if x["kind"] == "wrong_amount")
    ((account, reference, party, bank), (_, _, _, ledger)) = copied.rows(
        "SELECT account, reference, counterparty, cents FROM bank_entries WHERE id = ? "
        "UNION ALL SELECT account, reference, counterparty, cents FROM ledger_lines WHERE id = ?",
        finding["entry_id"],
        finding["related"][0],
    )
    row = (
        f"GL-999999,2026-10-02,2026-10-02,{account},{(bank - ledger) / 100:.2f},EUR,"
        f"{reference},{party},,,correction\n"
    )
    with Path(copied.input["ledger"]).open("a", encoding="utf-8") as file:
        file.write(row)
    copied.run("two", "2026-10-01")
    report = copied.call("report", "report")
    resolved = {d["entry_id"]: d["resolved"] for d in report["discrepancies"]}
    assert resolved.pop(finding["entry_id"]) is True
    assert not any(resolved.values())
    with pytest.raises(ToolError, match="cannot be flagged"):
        copied.call(
            "flag", "late", entry_id=finding["entry_id"], kind="doubled", explanation="again"
        )


def test_flag_again_replaces_the_explanation(month: SimpleNamespace) -> None:
    """A second flag of an entry changes its words, not its facts or its day."""
    item = month.runs[0]["findings"][0]
    columns = "SELECT proposed_kind, related, facts, day FROM discrepancies WHERE entry_id = ?"
    before = month.desk.rows(columns, item["entry_id"])
    month.desk.call(
        "flag", "new", entry_id=item["entry_id"], kind="wrong_amount", explanation="Typed twice."
    )
    assert month.desk.rows(columns, item["entry_id"]) == before
    query = "SELECT explanation FROM discrepancies WHERE entry_id = ?"
    assert month.desk.rows(query, item["entry_id"]) == [("Typed twice.",)]


def test_flag_of_what_is_not_certain_is_refused(
    month: SimpleNamespace, truth: dict[str, Any]
) -> None:
    """Unknown, settled, under way or part of another case: no flag, and the reason why."""
    desk = month.desk
    transit = next(p for p in truth["planted"] if p["recipe"] == "in_transit_at_bank")
    wrong = next(p for p in truth["planted"] if p["kind"] == "wrong_amount")
    settled = desk.rows("SELECT id FROM bank_entries WHERE match IS NOT NULL LIMIT 1")[0][0]
    for entry in ("NOBODY", transit["entry_id"], wrong["related"][0], settled):
        with pytest.raises(ToolError, match="cannot be flagged"):
            desk.call("flag", "k", entry_id=entry, kind="doubled", explanation="because")


def test_classify_before_matching_proposes_nothing_that_matches(desk: Any) -> None:
    """Skipping the matching raises no false alarm."""
    desk.call("import_statements", "import", days=2)
    before = desk.call("classify", "c")["items"]
    desk.call("match_batch", "match", until="2026-10-02")
    assert {x["entry_id"] for x in before} == {
        x["entry_id"] for x in desk.call("classify", "c")["items"]
    }


@pytest.mark.parametrize(
    ("tool", "args", "message"),
    [
        ("match_batch", {"until": "2026-10-01"}, "call ledger.import_statements first"),
        ("classify", {}, "call ledger.import_statements first"),
        ("report", {}, "call ledger.import_statements first"),
        ("import_statements", {"after": "yesterday"}, "'yesterday' is not a day"),
    ],
)
def test_call_out_of_order_says_what_to_do(
    desk: Any, tool: str, args: dict[str, Any], message: str
) -> None:
    """The model can mend its call from the message alone."""
    with pytest.raises(ToolError, match=message):
        desk.call(tool, "k", **args)


def test_open_items_of_an_unknown_account_names_the_known_ones(month: SimpleNamespace) -> None:
    """A wrong account is answered with the right ones."""
    with pytest.raises(ToolError, match="no account 'main': choose one of DE12"):
        month.desk.call("open_items", "k", account="main")
