"""The metrics, from the registry of a worker."""

from collections.abc import Iterator
from typing import Any

from consumer.worker.metrics import Metrics
from tests.reference_pages.markdown import code, escaped, table


def _collectors() -> Iterator[Any]:
    return iter(Metrics().registry._collector_to_names)


def names() -> list[str]:
    """Every metric, as Prometheus stores it."""
    return [_name(collector) for collector in _collectors()]


def _name(collector: Any) -> str:
    (described,) = collector.describe()
    return f"{described.name}{'_total' if described.type == 'counter' else ''}"


def text() -> str:
    """A row for each metric."""
    rows = []
    for collector in _collectors():
        (described,) = collector.describe()
        labels = ", ".join(code(label) for label in collector._labelnames)
        rows.append([code(_name(collector)), described.type, labels, escaped(described.documentation)])
    return table(["metric", "type", "labels", "meaning"], rows)
