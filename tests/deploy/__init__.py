"""What the chart, the alerts and the dashboards promise."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "outcomes"
ALERTS = CHART / "files" / "alerts.yaml"
