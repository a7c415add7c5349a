"""The topic between intake and worker, and the group that reads it."""

from consumer.doctor.checks import Check, attention, follows, ok
from consumer.errors import UsageError
from consumer.settings import DAY, Settings
from consumer.sources.describing import Cluster

LEAST_RETENTION_SECONDS = 3 * DAY
"""A worker that stops on Friday evening loses nothing until Monday evening."""


async def partitions(cluster: Cluster, settings: Settings, name: str) -> Check:
    """Whether the topic exists, and each of its partitions is served by all of its replicas."""
    try:
        found = await cluster.topic(name)
    except UsageError as error:
        create = f"kafka-topics.sh --bootstrap-server {settings.kafka_bootstrap_servers} --create --topic {name} --partitions 4"
        return attention("topic", str(error), f"`{create}`, or correct OUTCOMES_TOPIC")
    said = f"{name} has partitions: {found.partitions}, replicas of each: {found.replicas}"
    if found.leaderless:
        return attention("topic", f"{said}; nobody serves {_listed(found.leaderless)}", "start the brokers that are down")
    if found.lagging:
        behind = f"{said}; a replica of {_listed(found.lagging)} is not in sync"
        return attention("topic", behind, "start the brokers that are down, and look at their disks")
    return ok("topic", said)


async def retention(cluster: Cluster, settings: Settings, name: str) -> Check:
    """Whether the topic keeps its records long enough for an outage of the worker."""
    try:
        await cluster.topic(name)
    except UsageError:
        return follows("retention", "topic")
    found = await cluster.retention(name)
    server = f"--bootstrap-server {settings.kafka_bootstrap_servers}"
    change = f"kafka-configs.sh {server} --alter --entity-type topics --entity-name {name} --add-config"
    if "compact" in found["cleanup.policy"]:
        compacted = f"{name} is compacted: Kafka deletes events whose key comes again, and keys carry no meaning here"
        return attention("retention", compacted, f"`{change} cleanup.policy=delete`")
    milliseconds = int(found["retention.ms"])
    limited = int(found["retention.bytes"])
    size = "" if limited < 0 else f", and at most {limited:,} bytes of a partition"
    if milliseconds < 0:
        return ok("retention", f"{name} keeps its records without limit of time{size}")
    kept = f"{name} keeps its records for {milliseconds / 1000 / 3600:.4g} h{size}"
    if milliseconds < LEAST_RETENTION_SECONDS * 1000:
        short = f"{kept}: a worker that is away for longer loses events"
        return attention("retention", short, f"`{change} retention.ms={7 * DAY * 1000}`")
    return ok("retention", kept)


async def group(cluster: Cluster, settings: Settings) -> Check:
    """Whether a worker reads."""
    members = await cluster.members(settings.group_id)
    if not members:
        return attention(
            "group", f"no worker is in the group {settings.group_id}", "start `outcomes worker`, or correct OUTCOMES_GROUP_ID"
        )
    return ok("group", f"workers in the group {settings.group_id}: {members}")


def _listed(numbers: tuple[int, ...]) -> str:
    return "partition " + ", ".join(map(str, numbers))
