"""How long runs took: a panel that several boards have. Pure."""

from deploy.grafana.boards.asking import typical
from deploy.grafana.boards.declared import Unit, lines

DURATIONS = lines(
    "How long runs took, in the day before",
    Unit.SECONDS,
    "From when a run presented itself to its end, waits included; without skipped runs.",
    *typical("rota_run_duration_seconds"),
)
