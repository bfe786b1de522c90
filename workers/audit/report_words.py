"""How the report puts single values: times, texts, JSON, stages of effects. Pure."""

import json
from datetime import datetime
from typing import Any

from rota.effects.records import EffectStage
from workers.cli.output import format_took

MOST_SIGNS = 20_000
"""Characters of one text that the report shows; the bundle has it whole."""

STAGES = {
    EffectStage.INTENT: "begun; nobody has reported its end",
    EffectStage.HAPPENED: "happened",
    EffectStage.DID_NOT: "did not happen",
    EffectStage.UNKNOWN: "nobody knows whether it happened",
}


def shown(value: Any) -> str:
    """Return text as it is and JSON indented, cut where it is too long to be read."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) <= MOST_SIGNS:
        return text
    return f"{text[:MOST_SIGNS]}\n… {len(text) - MOST_SIGNS:,} characters more are in the bundle"


def at(moment: datetime | None) -> str:
    """`2026-11-22 06:00:05 UTC`; `-` for none."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "-"


def took(start: datetime | None, end: datetime | None) -> str:
    """How long something took; `-` if one end is not known."""
    return format_took(end - start) if start and end else "-"


def json_or_text(text: str) -> Any:
    """Return what a text holds, if that is JSON; else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
