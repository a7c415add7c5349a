"""The metrics, from the registries of a worker, of the parent of several and of an intake."""

from collections.abc import Iterator
from typing import Any

from consumer.intake.metrics import IntakeMetrics
from consumer.worker.metrics import Metrics
from consumer.worker.processes import Processes
from tests.reference_pages.markdown import code, escaped, table


def _collectors() -> Iterator[tuple[Any, str]]:
    """Each with who shows it; twice where labels differ."""
    found: dict[Any, tuple[Any, list[str]]] = {}
    registries = {
        "worker": Metrics().registry,
        "worker --processes": Processes(lambda _: (), 1).registry,
        "intake": IntakeMetrics().registry,
    }
    for shown_by, registry in registries.items():
        for collector in registry._collector_to_names:
            found.setdefault((_name(collector), collector._labelnames), (collector, []))[1].append(shown_by)
    return ((collector, ", ".join(shown_by)) for collector, shown_by in found.values())


def names() -> list[str]:
    """Every metric, as Prometheus stores it."""
    return list(dict.fromkeys(_name(collector) for collector, _ in _collectors()))


def _name(collector: Any) -> str:
    (described,) = collector.describe()
    return f"{described.name}{'_total' if described.type == 'counter' else ''}"


def text() -> str:
    """A row for each metric."""
    rows = []
    for collector, shown_by in _collectors():
        (described,) = collector.describe()
        labels = ", ".join(code(label) for label in collector._labelnames)
        rows.append([code(_name(collector)), described.type, labels, shown_by, escaped(described.documentation)])
    return table(["metric", "type", "labels", "shown by", "meaning"], rows)
