"""The dashboards of deploy/grafana: rows of panels, each with its question to Prometheus or Postgres."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 8
_PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
_POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "${postgres}"}


class Panel(NamedTuple):
    """A graph."""

    title: str
    meaning: str
    unit: str
    questions: tuple[tuple[str, str], ...]
    """(PromQL, legend), or (SQL, "")."""


STREAM = (
    Panel("Events", "Events that were written, by how they ended.", "ops",
          (("sum by (outcome) (rate(outcomes_events_total[$__rate_interval]))", "{{outcome}}"),)),
    Panel("Lag", "Records that are in Kafka and not yet written.", "short",
          (("sum by (topic) (outcomes_lag_records)", "{{topic}}"),)),
    Panel("Freshness", "Age of the newest event, and of Canvas' newest heartbeat.", "s",
          (("min(outcomes_freshness_seconds)", "event"), ("min(outcomes_heartbeat_seconds)", "heartbeat"))),
    Panel("Time of a batch", "From its first statement to its commit.", "s",
          (("histogram_quantile(0.5, sum by (le) (rate(outcomes_batch_seconds_bucket[$__rate_interval])))", "median"),
           ("histogram_quantile(0.99, sum by (le) (rate(outcomes_batch_seconds_bucket[$__rate_interval])))", "99 %"))),
    Panel("Events of a batch", "The mean.", "short",
          (("sum(rate(outcomes_batch_events_sum[$__rate_interval])) / sum(rate(outcomes_batch_events_count[$__rate_interval]))",
            "events"),)),
    Panel("Quarantine", "Records that were not understood, by reason.", "short",
          (("sum by (reason) (increase(outcomes_quarantined_total[$__interval]))", "{{reason}}"),)),
    Panel("Waiting", "Retries while Postgres or Kafka was away.", "ops",
          (("sum by (system) (rate(outcomes_retries_total[$__rate_interval]))", "{{system}}"),)),
    Panel("Ready", "Workers and intakes that are ready, and those that wait.", "short",
          (("sum(outcomes_ready)", "ready"), ("sum(outcomes_paused)", "waiting"))),
    Panel("Trouble", "Clients made anew, positions lost, gaps passed over, processes that died.", "short",
          (("sum(increase(outcomes_client_rebuilds_total[$__interval]))", "clients"),
           ("sum(increase(outcomes_lost_partitions_total[$__interval]))", "positions"),
           ("sum(increase(outcomes_gaps_total[$__interval]))", "gaps"),
           ("sum(increase(outcomes_process_deaths_total[$__interval]))", "processes"))),
    Panel("Partitions", "Owned by each worker.", "short", (("outcomes_partitions", "{{instance}} {{process}}"),)),
)  # fmt: skip

INTAKE = (
    Panel("Stored", "Events that the topic, or the database, has.", "ops",
          (("sum by (instance) (rate(outcomes_intake_stored_total[$__rate_interval]))", "{{instance}}"),)),
    Panel("Refused", "What came in and was not taken.", "ops",
          (("sum by (reason) (rate(outcomes_intake_refused_total[$__rate_interval]))", "{{reason}}"),)),
    Panel("Time until stored", "Canvas gives up after 15 seconds.", "s",
          (("histogram_quantile(0.5, sum by (le) (rate(outcomes_intake_seconds_bucket[$__rate_interval])))", "median"),
           ("histogram_quantile(0.99, sum by (le) (rate(outcomes_intake_seconds_bucket[$__rate_interval])))", "99 %"))),
    Panel("Spool", "Events that wait on disk while Kafka is away.", "short",
          (("sum by (instance) (outcomes_intake_spool_events)", "{{instance}}"),)),
    Panel("Size of the spool", "Bytes of its files.", "bytes",
          (("sum by (instance) (outcomes_intake_spool_bytes)", "{{instance}}"),)),
    Panel("In flight", "Events that are being stored.", "short",
          (("sum by (instance) (outcomes_intake_in_flight)", "{{instance}}"),)),
    Panel("By the spool", "Events that went to the spool first.", "ops",
          (("sum by (instance) (rate(outcomes_intake_spooled_total[$__rate_interval]))", "{{instance}}"),)),
    Panel("Given back", "Messages that went back to the queue.", "ops",
          (("sum by (instance) (rate(outcomes_intake_given_back_total[$__rate_interval]))", "{{instance}}"),)),
)  # fmt: skip

DATA = (
    Panel("Students at mastery", "Share of those assessed, by outcome, at the ends of months.", "percent",
          (("""SELECT month AS "time", coalesce(o.title, s.learning_outcome_id::text) AS metric,
       100.0 * s.mastered / nullif(s.assessed, 0) AS value
  FROM generate_series($__timeFrom()::timestamptz, $__timeTo()::timestamptz, '1 month') AS month
 CROSS JOIN LATERAL outcomes.course_outcome_summary_of('$tenant', $course, least(month, now())) AS s
  LEFT JOIN outcomes.learning_outcome AS o ON o.root_account_uuid = '$tenant' AND o.id = s.learning_outcome_id
 ORDER BY 1, 2""", ""),)),
    Panel("Mean score", "Of the course's students, by outcome, at the ends of months.", "short",
          (("""SELECT month AS "time", coalesce(o.title, s.learning_outcome_id::text) AS metric,
       s.mean::double precision AS value
  FROM generate_series($__timeFrom()::timestamptz, $__timeTo()::timestamptz, '1 month') AS month
 CROSS JOIN LATERAL outcomes.course_outcome_summary_of('$tenant', $course, least(month, now())) AS s
  LEFT JOIN outcomes.learning_outcome AS o ON o.root_account_uuid = '$tenant' AND o.id = s.learning_outcome_id
 ORDER BY 1, 2""", ""),)),
    Panel("Students assessed", "With a score, by outcome, at the ends of months.", "short",
          (("""SELECT month AS "time", coalesce(o.title, s.learning_outcome_id::text) AS metric, s.assessed AS value
  FROM generate_series($__timeFrom()::timestamptz, $__timeTo()::timestamptz, '1 month') AS month
 CROSS JOIN LATERAL outcomes.course_outcome_summary_of('$tenant', $course, least(month, now())) AS s
  LEFT JOIN outcomes.learning_outcome AS o ON o.root_account_uuid = '$tenant' AND o.id = s.learning_outcome_id
 ORDER BY 1, 2""", ""),)),
    Panel("Results a day", "By when they were assessed.", "short",
          (("""SELECT date_trunc('day', r.assessed_at) AS "time", 'results' AS metric, count(*) AS value
  FROM outcomes.learning_outcome_result AS r
 WHERE r.root_account_uuid = '$tenant' AND r.result_context_id = $course AND $__timeFilter(r.assessed_at)
 GROUP BY 1
 ORDER BY 1""", ""),)),
)  # fmt: skip

DASHBOARDS = {
    "stream": ("Outcomes: stream", STREAM),
    "intake": ("Outcomes: intake", INTAKE),
    "data": ("Outcomes: a course", DATA),
}


def _panels(panels: tuple[Panel, ...], source: dict[str, str]) -> Iterator[dict[str, Any]]:
    for number, panel in enumerate(panels):
        sql = source is _POSTGRES
        yield {
            "id": number + 1,
            "title": panel.title,
            "description": panel.meaning,
            "type": "timeseries",
            "datasource": source,
            "gridPos": {"x": number % _COLUMNS * _WIDTH, "y": number // _COLUMNS * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
            "targets": [
                {"refId": chr(ord("A") + at), "datasource": source}
                | (
                    {"rawSql": question, "format": "time_series", "rawQuery": True}
                    if sql
                    else {"expr": question, "legendFormat": legend}
                )
                for at, (question, legend) in enumerate(panel.questions)
            ],
        }


def _variable(name: str, label: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": label, "type": kind, **more}


def texts() -> dict[str, str]:
    """Name of the file -> its content."""
    found = {}
    for name, (title, panels) in DASHBOARDS.items():
        source = _POSTGRES if name == "data" else _PROMETHEUS
        variables = [_variable("prometheus", "Prometheus", "datasource", query="prometheus")]
        if name == "data":
            tenants = "SELECT DISTINCT root_account_uuid FROM outcomes.feed_freshness ORDER BY 1"
            courses = (
                "SELECT coalesce(c.name, 'course ' || r.course_id) AS __text, r.course_id AS __value"
                " FROM outcomes.course_with_results AS r"
                " LEFT JOIN outcomes.course AS c ON c.root_account_uuid = r.root_account_uuid AND c.id = r.course_id"
                " WHERE r.root_account_uuid = '$tenant' AND r.course_id IS NOT NULL ORDER BY 1"
            )
            variables = [
                _variable("postgres", "Postgres", "datasource", query="grafana-postgresql-datasource"),
                _variable("tenant", "Institution", "query", datasource=_POSTGRES, query=tenants, refresh=1),
                _variable("course", "Course", "query", datasource=_POSTGRES, query=courses, refresh=1),
            ]
        board = {
            "uid": f"outcomes-{name}",
            "title": title,
            "tags": ["outcomes"],
            "schemaVersion": 39,
            "editable": True,
            "time": {"from": "now-1y" if name == "data" else "now-6h", "to": "now"},
            "refresh": "" if name == "data" else "30s",
            "templating": {"list": variables},
            "panels": list(_panels(panels, source)),
        }
        found[f"{name}.json"] = json.dumps(board, indent=2, ensure_ascii=False) + "\n"
    return found
