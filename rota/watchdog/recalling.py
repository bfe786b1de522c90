"""Reading what an earlier check has left, whatever version of Rota it was of. Pure."""

from typing import Any, cast

from pydantic import ValidationError

from rota.watchdog.memory import WatchMemory


def recall(raw: dict[str, Any]) -> tuple[WatchMemory, str]:
    """Read a memory, whatever version of Rota has left it, and say what was lost.

    What cannot be read is left out, be it one alert: told again is better than never.
    """
    try:
        return WatchMemory.model_validate(raw), ""
    except ValidationError as error:
        bad = [each["loc"] for each in error.errors()]
    kept = dict(raw)
    for name in {str(loc[0]) for loc in bad}:
        inner = kept.pop(name)
        within = {loc[1] for loc in bad if loc[0] == name and len(loc) > 1}
        if isinstance(inner, list) and within:
            items = enumerate(cast("list[Any]", inner))
            kept[name] = [each for place, each in items if place not in within]
        elif isinstance(inner, dict) and within:
            pairs = cast("dict[str, Any]", inner).items()
            kept[name] = {key: each for key, each in pairs if key not in within}
    names = ", ".join(sorted({str(loc[0]) for loc in bad}))
    lost = f"not all that the last check remembered can be read ({names}): alerts may come twice"
    try:
        return WatchMemory.model_validate(kept), lost
    except ValidationError:
        return WatchMemory(), lost
