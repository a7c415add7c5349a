"""The metrics, from the registries of a worker, of the parent of several and of an intake."""

from collections.abc import Iterator
from typing import Any, cast

from prometheus_client import CollectorRegistry

from consumer.intake.metrics import IntakeMetrics
from consumer.worker.metrics import Metrics
from consumer.worker.processes import Processes
from tests.reference_pages.markdown import code, escaped, table


def _registries() -> dict[str, CollectorRegistry]:
    return {
        "worker": Metrics().registry,
        "worker --processes": Processes(lambda _: (), 1).registry,
        "intake": IntakeMetrics().registry,
    }


def _collectors() -> Iterator[tuple[Any, str]]:
    """Each with who shows it."""
    by_name: dict[str, tuple[Any, list[str]]] = {}
    for shown_by, registry in _registries().items():
        for collector in registry._collector_to_names:
            by_name.setdefault(_name(collector), (collector, []))[1].append(shown_by)
    return ((collector, ", ".join(shown_by)) for collector, shown_by in by_name.values())


def names() -> list[str]:
    """Every metric, as Prometheus stores it."""
    return [_name(collector) for collector, _ in _collectors()]


def _name(collector: Any) -> str:
    (described,) = collector.describe()
    return f"{described.name}{'_total' if described.type == 'counter' else ''}"


def _labels(name: str) -> list[str]:
    """All that somebody gives the metric; not everybody gives each."""
    all_of_them = (
        found for registry in _registries().values() for found in registry._collector_to_names if _name(found) == name
    )
    return list(dict.fromkeys(label for found in all_of_them for label in cast("Any", found)._labelnames))


def text() -> str:
    """A row for each metric."""
    rows = []
    for collector, shown_by in _collectors():
        (described,) = collector.describe()
        labels = ", ".join(code(label) for label in _labels(_name(collector)))
        rows.append([code(_name(collector)), described.type, labels, shown_by, escaped(described.documentation)])
    return table(["metric", "type", "labels", "shown by", "meaning"], rows)
