"""The Helm chart: what it renders is valid, says nothing that the settings do not know, and runs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
import yaml

from consumer.settings import PREFIX, Settings
from tests.acceptance.running import outcomes, running, until
from tests.deploy import CHART
from tests.doctor.test_doctor import MakeTopic

helm = pytest.importorskip("helm_python", reason="Helm's package has no wheel for this machine")
kubernetes = pytest.importorskip("kubernetes_validate")

Manifest = dict[str, Any]

VERSIONS = ("1.28", "1.33", "1.37")
CRDS = ("ScaledObject", "PodMonitor", "PrometheusRule")
"""Kinds of KEDA and the Prometheus operator. Their schemas of August 2026, without descriptions, are in crds/."""
KAFKA = {"settings": {"kafka_bootstrap_servers": "kafka:9092"}}
ALL: Manifest = KAFKA | {
    "secrets": {"kafka_sasl_password": {"name": "kafka", "key": "password"}},
    "imagePullSecrets": [{"name": "registry"}],
    "worker": {
        "autoscaling": {"enabled": True},
        "settings": {"batch_size": 1_000_000, "people": "off"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "reserved", "operator": "Exists"}],
        "podAnnotations": {"a": "b"},
    },
    "intake": {"enabled": True, "replicas": 2, "spool": {"storageClassName": "fast"}},
    "reconcile": {"enabled": True},
    "retain": {"enabled": True, "arguments": ["--older-than", "5y"]},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}},
    "networkPolicy": {"monitoringFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    "monitoring": {"podMonitor": True, "rules": True, "labels": {"release": "prometheus"}},
}
SETS: Mapping[str, Manifest] = {
    "least": KAFKA,
    "all": ALL,
    "by SQS": KAFKA | {"intake": {"enabled": True, "kind": "sqs", "settings": {"intake_queue": ["a", "b"]}}},
    "few": KAFKA | {"serve": {"enabled": False}, "doctor": {"enabled": False}, "migrate": {"enabled": False}},
}


def rendered(values: Manifest) -> list[Manifest]:
    """The manifests of a release."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        texts = chart.render(values, name="demo", namespace="school")
    found = [one for name, text in texts.items() if not name.endswith(".txt") for one in yaml.safe_load_all(text)]
    return [one for one in found if one is not None]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Component and specification of each kind of Pod."""
    for one in manifests:
        spec = one.get("spec", {})
        if one["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield one["metadata"]["labels"]["app.kubernetes.io/component"], spec["template"]["spec"]


@pytest.mark.parametrize("name", SETS)
def test_every_manifest_is_valid_for_three_versions_of_kubernetes(name: str) -> None:
    """In strict mode; those of KEDA and the Prometheus operator by the schemas of their own."""
    manifests = rendered(SETS[name])
    assert len({(one["kind"], one["metadata"]["name"]) for one in manifests}) == len(manifests) > 4
    for one in manifests:
        if one["kind"] in CRDS:
            schema = json.loads((Path(__file__).parent / "crds" / f"{one['kind']}.json").read_text(encoding="utf-8"))
            jsonschema.validate(one, schema)
        else:
            for version in VERSIONS if name == "all" else VERSIONS[-1:]:
                kubernetes.validate(one, version, strict=True)
    if name == "all":
        assert {one["kind"] for one in manifests} >= set(CRDS)


def test_the_chart_has_no_fault_that_helm_sees() -> None:
    """`helm lint`."""
    found = helm.chart.lint(CHART)
    assert found["errors"] == []
    assert {one["error"] for one in found["messages"]} <= {"icon is recommended"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"kafka_bootstrap_server": "kafka:9092"}},
        {"settings": {"kafka_sasl_password": "open"}},
        {"worker": {"settings": {"batch_size": True}}},
        {"worker": {"replica": 3}},
        {"secrets": {"database_url": {"name": "a"}}},
        {"settings": {"people": "all"}},
    ],
)
def test_values_that_the_settings_do_not_know_are_refused(wrong: Manifest) -> None:
    """A word that is wrong, a secret in the open, a type that is none."""
    with pytest.raises(helm.HelmValuesError):
        rendered(wrong)


def test_every_pod_can_do_as_little_as_possible() -> None:
    """Not as root, without rights, without a token of the cluster; to write there are only /tmp and the spool."""
    for part, pod in pods(rendered(ALL)):
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False, part
        assert pod["securityContext"]["runAsNonRoot"] is True, part
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, part
        (container,) = pod["containers"]
        rights = container["securityContext"]
        assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"]) == (True, False), part
        assert rights["capabilities"] == {"drop": ["ALL"]}, part
        assert container["resources"]["limits"]["memory"], part
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts == {"/tmp"} | ({"/var/lib/outcomes"} if part == "intake" else set()), part  # noqa: S108 - in a container


def test_every_variable_is_a_setting_and_a_secret_is_only_named() -> None:
    """What the chart sets by itself too; a Pod has more time to stop than the worker takes."""
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    seen = set()
    for part, pod in pods(rendered(ALL)):
        (container,) = pod["containers"]
        for variable in container["env"]:
            name = variable["name"].removeprefix(PREFIX).lower()
            assert name in Settings.model_fields, (part, name)
            assert (name in secret) == ("secretKeyRef" in variable.get("valueFrom", {})), (part, name)
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names)), part
        seen.add(part)
        if part == "worker":
            assert pod["terminationGracePeriodSeconds"] > Settings().drain_seconds
            values = {variable["name"]: variable.get("value") for variable in container["env"]}
            assert (values["OUTCOMES_BATCH_SIZE"], values["OUTCOMES_PEOPLE"]) == ("1000000", "off")
    assert seen == {"migrate", "worker", "serve", "intake", "reconcile", "retain", "doctor"}


def test_autoscaling_leaves_the_number_of_workers_to_keda() -> None:
    """A number in the StatefulSet would undo its work at each upgrade."""
    by_kind = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in rendered(ALL) if "spec" in one}
    assert "replicas" not in by_kind["StatefulSet", "demo-outcomes-worker"]
    (trigger,) = by_kind["ScaledObject", "demo-outcomes-worker"]["triggers"]
    assert trigger["metadata"] == {
        "bootstrapServers": "kafka:9092",
        "consumerGroup": "outcomes",
        "topic": "canvas-live-events",
        "lagThreshold": "10000",
        "allowIdleConsumers": "false",
    }
    with pytest.raises(helm.HelmRenderError, match="autoscaling needs"):
        rendered({"worker": {"autoscaling": {"enabled": True}}})


def variables_of(container: Manifest, part: str, secrets: Mapping[str, str], **others: str) -> dict[str, str]:
    """The environment that the container would have."""
    found = {}
    for one in container["env"]:
        source = one.get("valueFrom", {})
        if "secretKeyRef" in source:
            found[one["name"]] = secrets[source["secretKeyRef"]["name"]]
        elif "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.name"
            found[one["name"]] = f"demo-outcomes-{part}-0"
        else:
            found[one["name"]] = one["value"]
    return found | others


async def test_what_the_chart_says_runs(
    empty_database: str, kafka_bootstrap: str, topic: MakeTopic, free_port: int, tmp_path: Path
) -> None:
    """Migration, worker and server, each by its own command line and environment: their probes answer where the chart asks."""
    values = {"settings": {"kafka_bootstrap_servers": kafka_bootstrap, "topic": await topic()}}
    containers = {part: pod["containers"][0] for part, pod in pods(rendered(values))}
    secrets = dict.fromkeys(("outcomes-owner", "outcomes-writer", "outcomes-serve"), empty_database)
    migrate = containers["migrate"]
    code, _, err = await outcomes(*migrate["args"], **variables_of(migrate, "migrate", secrets))
    assert code == 0, err
    for part, port in (("worker", "OUTCOMES_HTTP_PORT"), ("serve", "OUTCOMES_SERVE_PORT")):
        container = containers[part]
        environment = variables_of(container, part, secrets)
        names = {one["name"]: one["containerPort"] for one in container["ports"]}
        assert environment[port] == str(names[container["livenessProbe"]["httpGet"]["port"]])
        async with (
            running(*container["args"], **(environment | {port: str(free_port)})),
            aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as session,
        ):
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                path = container[probe]["httpGet"]["path"]

                async def good(path: str = path, session: aiohttp.ClientSession = session) -> bool:
                    try:
                        async with session.get(path) as response:
                            return response.status == 200
                    except aiohttp.ClientConnectionError:
                        return False  # not started yet

                await until(good)
