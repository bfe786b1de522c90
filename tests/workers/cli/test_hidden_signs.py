"""What commands print shows everything that somebody wrote, and does nothing it says."""

import json

import pytest
from rich.text import Text

from workers.cli.hidden_signs import written_out
from workers.cli.output import console, print_json, print_table, remark, table

SPOOFED = {
    "turned round": ("DE\u202e21", "DE\\u202e21"),
    "isolated": ("\u2066x\u2069", "\\u2066x\\u2069"),
    "zero width": ("pay\u200bpal", "pay\\u200bpal"),
    "C1 control": ("\x9b2K", "\\u009b2K"),
    "escape": ("\x1b[2K", "\\u001b[2K"),
    "tag of another plane": ("\U000e0041", "\\udb40\\udc41"),
    "printable, and not seen": ("\u3164", "\\u3164"),
    "another blank": ("a\u00a0b", "a\\u00a0b"),
    "return": ("12\r34", "12\\r34"),
    "text in any script": ("München 東京 😀\n", "München 東京 😀\n"),
}


@pytest.mark.parametrize(("text", "shown"), SPOOFED.values(), ids=SPOOFED)
def test_sign_that_is_not_seen_is_written_out(text: str, shown: str) -> None:
    """Whoever decides by what is printed sees the very signs that are decided on."""
    assert written_out(text) == shown


def test_everything_printed_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, their coloured cells, lines, remarks and JSON, which stays the same JSON."""
    text, shown = SPOOFED["turned round"]
    made = table("A", "B")
    made.add_row(text, Text("x").append(text, "dim"))
    print_table(made)
    console().print(text)
    remark(text)
    lines = capsys.readouterr()
    print_json({"to": text})
    document = capsys.readouterr().out
    assert lines.out.count(shown) == 3
    assert lines.err.count(shown) == 1
    assert shown in document
    assert json.loads(document) == {"to": text}
