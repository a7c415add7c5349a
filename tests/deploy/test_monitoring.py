"""Alerts and dashboards: each question is one, asks for what there is, and each alert fires when it should and not else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from consumer.store.postgres import connect
from tests.deploy import ALERTS, ROOT
from tests.postgres.test_gradebook import outcome, worked
from tests.postgres.writing import write
from tests.reference_pages import metrics
from tests.reference_pages.dashboards import DATA, INTAKE, STREAM
from tests.samples import TENANT

FOREIGN = {"kube_job_status_failed"}
"""Of kube-state-metrics."""
_NAME = re.compile(r"\b(?:outcomes|kube)_[a-z_]+\b")
_PART = re.compile(r"_(?:bucket|sum|count)$")


def rules() -> Iterator[dict[str, Any]]:
    """All of the file."""
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def questions() -> Iterator[tuple[str, str]]:
    """Where each is from, and its PromQL."""
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    for panel in (*STREAM, *INTAKE):
        for question, _ in panel.questions:
            yield panel.title, question.replace("$__rate_interval", "5m").replace("$__interval", "5m")


def test_every_question_parses_and_asks_for_metrics_that_there_are() -> None:
    """Those of the documentation, which is generated from what the processes export."""
    known = set(metrics.names()) | FOREIGN
    for where, question in questions():
        promql_parser.parse(question)
        asked = {name if name in known else _PART.sub("", name) for name in _NAME.findall(question)}
        assert asked, where
        assert asked <= known, where


def test_every_metric_is_on_a_dashboard() -> None:
    """None is exported that nobody looks at."""
    asked = " ".join(question for panel in (*STREAM, *INTAKE) for question, _ in panel.questions)
    assert [name for name in metrics.names() if name not in asked] == []


def test_every_alert_has_a_severity_a_sentence_and_a_runbook_that_exists() -> None:
    """A page, and the heading in it."""
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        page, _, heading = rule["annotations"]["runbook"].partition("#")
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
        slugs = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in lines if line.startswith("#")}
        assert not heading or heading in slugs, (rule["alert"], heading, slugs)


def test_each_alert_fires_in_a_case_and_stays_silent_in_another() -> None:
    """By Prometheus' own tool; each alert is in the cases with labels, and at another moment without."""
    cases = [Path(__file__).with_name(name) for name in ("alert_cases.yaml", "alert_cases_of_weeks.yaml")]
    told = [one for path in cases for one in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]
    checks = [one for case in told for one in case["alert_rule_test"]]
    for rule in rules():
        fires = {bool(one.get("exp_alerts")) for one in checks if one["alertname"] == rule["alert"]}
        assert fires == {True, False}, rule["alert"]
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(
        ["promtool", "test", "rules", *map(str, cases)], capture_output=True, text=True, check=False, cwd=cases[0].parent
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_questions_of_the_dashboard_about_a_course_are_answered(database: str) -> None:
    """By a reader, with Grafana's macros as it replaces them."""
    await write(database, outcome(1, "Reading"), worked(1, "ana", 1, 0.8), worked(2, "bo", 1, 0.2))
    connection = await connect(database)
    await connection.execute("SET ROLE outcomes_reader")
    span = "'2025-03-01'", "'2025-06-01'"
    for panel in DATA:
        ((question, _),) = panel.questions
        text = question.replace("$tenant", TENANT).replace("$course", "7")
        text = text.replace("$__timeFrom()", span[0]).replace("$__timeTo()", span[1])
        text = re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"\1 BETWEEN {span[0]} AND {span[1]}", text)
        assert "$" not in text
        rows = await connection.fetch(text)
        assert {row["metric"] for row in rows} == {"results" if panel.title == "Results a day" else "Reading"}, panel.title
        assert all(row["value"] is not None for row in rows), panel.title
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "deploy" / "grafana").glob("*.json")]
    (data,) = (board for board in boards if board["uid"] == "outcomes-data")
    tenants, courses = (one["query"] for one in data["templating"]["list"][1:])
    assert [row[0] for row in await connection.fetch(tenants)] == [TENANT]
    assert [row["__value"] for row in await connection.fetch(courses.replace("$tenant", TENANT))] == [7]
    await connection.close()
