"""The page of metrics tells the closed list as it is."""

from rota.metrics.kinds import Metric
from rota.metrics.listed import METRICS
from tests.house.documentation import quoted, tables
from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "metrics.md"


def labels_of(metric: Metric) -> str:
    """As the page writes them."""
    told: list[str] = []
    for label in metric.labels:
        words = f"`{label.name}`"
        if label.values:
            words += ": " + ", ".join(f"`{value}`" for value in label.values)
        elif label.most is not None:
            words += f": at most {label.most}"
        told.append(words)
    return "; ".join(told) or "none"


def test_page_lists_every_metric_as_it_is_and_no_other() -> None:
    """Kind, unit, labels with their values or bound, who knows it, and what it means."""
    rows = [row for table in tables(PAGE) if "metric" in table.heading for row in table.rows]
    told = {quoted(row["metric"])[0]: row for row in rows}
    assert list(told) == list(METRICS)
    for name, metric in METRICS.items():
        row = told[name]
        assert row["kind, unit"] == f"{metric.kind}, {metric.unit}", name
        assert row["labels"] == labels_of(metric), name
        assert (row["known by"], row["meaning"]) == (metric.source, metric.meaning), name
