"""The report of a backtest: whole in one file, and harmless whatever was said."""

import re
from html.parser import HTMLParser

from rota.usage import Usage
from rota.what_if.backtest import BacktestProgress, CaseEnd
from rota.what_if.compare import Played, compare, totals
from workers.cli.backtest_view import document_of
from workers.what_if.backtest_report import report_of

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}\u202egnp"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_report_escapes_whatever_models_and_tools_have_said() -> None:
    """In results, arguments, reasons, ids: no script, no handler, no address from elsewhere."""
    hostile = Played(
        succeeded=True,
        status="answered",
        reason=HOSTILE,
        output={HOSTILE: HOSTILE},
        calls=((HOSTILE, {HOSTILE: HOSTILE}),),
        patches=({HOSTILE: HOSTILE},),
        models=(HOSTILE,),
    )
    before = Played(succeeded=True, status="succeeded", output=HOSTILE)
    case = compare(HOSTILE, before, hostile, CaseEnd.ANSWERED, {}, {}, [HOSTILE])
    progress = BacktestProgress(agent=HOSTILE, what=HOSTILE, total=1, stopped=HOSTILE)
    total = totals([case], Usage())
    document = document_of(HOSTILE, progress, [case], total, [HOSTILE], {HOSTILE: HOSTILE})
    html = report_of(document)
    parsed = _Tags(html)
    assert not {"script", "img", "link", "iframe"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on") or name == "src"]
    assert not re.search(r"https?://", html)
    assert "{{ 7 * 7 }}" in html
    assert "\u202e" not in html
    assert r"\u202egnp" in html
    assert "default-src 'none'" in html
