"""Watches the requests between aiokafka and the coordinator of its group, for what aiokafka does not report."""

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IllegalStateError,
    NotCoordinatorForGroupError,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from aiokafka.protocol.types import Int16, Int32, Schema, String

from consumer.errors import Fatal

COORDINATOR_SECONDS = 0.2
"""Pause before looking for the group's coordinator again."""

_UNKNOWN_MEMBER_ID = 25
_MEMBER_ID_REQUIRED = 79
_FENCED_INSTANCE_ID = 82
NOT_NOW = (GroupLoadInProgressError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)
"""Temporary answers of a group's coordinator, or of a broker that was it until now."""
_NOT_NOW_CODES = tuple(error.errno for error in NOT_NOW)
_REFUSALS = {
    23: (
        "the members of the consumer group {group} speak another protocol than this worker (another kind of consumer, Connect "
        "or Streams): set OUTCOMES_GROUP_ID to a group that only workers are in, or stop those members"
    ),
    24: "Kafka refuses {group} as the id of a consumer group: set OUTCOMES_GROUP_ID to another one",
    69: "the group {group} is not a consumer group (it may be a share group): set OUTCOMES_GROUP_ID to another one",
    81: "the consumer group {group} has as many members as its brokers allow (group.max.size): stop one, or raise that limit",
    _FENCED_INSTANCE_ID: (
        "another worker of the group {group} has started with the same OUTCOMES_GROUP_INSTANCE_ID, {instance}, and takes "
        "this one's place: give each worker an instance id of its own"
    ),
}
"""Errors that no later attempt to join would change, by their code in Kafka's protocol."""


class _HeartbeatResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _HeartbeatStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class _Heartbeat(Request[_HeartbeatStruct]):  # type: ignore[misc]
    """A heartbeat with the instance id, which aiokafka leaves out: only its answer says that another worker took our place."""

    API_KEY = 12

    def __init__(self, *fields: object) -> None:
        self._fields = fields

    def build(self, struct: type[_HeartbeatStruct]) -> _HeartbeatStruct:
        return struct(*self._fields)


class Membership:
    """Wraps the client's `send`. `member_id`: of an earlier client of this process that did not leave."""

    def __init__(self, client: AIOKafkaClient, group_id: str, instance_id: str | None, member_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._instance_id = instance_id
        self._pass_on = client.send
        self._leaving = False
        self.member_id = member_id
        """Our id in the group, as far as we know; empty if there is none."""
        self.refused: Fatal | None = None
        """Why the group refuses us, if no later attempt would change that."""
        client.send = self._send

    async def _send(self, node: int, request: Any, *, group: ConnectionGroup = ConnectionGroup.DEFAULT) -> Any:
        if not isinstance(request, (JoinGroupRequest, SyncGroupRequest)):
            return await self._pass_on(node, request, group=group)
        joining = isinstance(request, JoinGroupRequest)
        if joining:
            await self._check_join(node, request._member_id)
        answer = await self._pass_on(node, request, group=group)
        if joining and answer.error_code in (0, _MEMBER_ID_REQUIRED):
            self.member_id = answer.member_id
            if self._leaving:
                await self.leave()
        elif joining and answer.error_code == _UNKNOWN_MEMBER_ID:
            self.member_id = ""
        self._judge(answer.error_code)
        return answer

    async def _check_join(self, node: int, member_id: str) -> None:
        """After losing our place, checks first whether another worker has it: joining would take it away again."""
        if self._instance_id and self.member_id and not member_id:
            heartbeat = _Heartbeat(self._group_id, 0, self.member_id, self._instance_id)
            with suppress(NotImplementedError):  # brokers before 2.3 know no instance ids
                answer = await self._pass_on(node, heartbeat, group=ConnectionGroup.COORDINATION)
                if answer.error_code in _NOT_NOW_CODES:
                    raise GroupCoordinatorNotAvailableError
                self._judge(answer.error_code)
        if self._leaving or self.refused:
            raise IllegalStateError("no longer wants to join")

    def _judge(self, error_code: int) -> None:
        if sentence := _REFUSALS.get(error_code):
            self.refused = Fatal(sentence.format(group=self._group_id, instance=self._instance_id))

    async def leave(self) -> None:
        """Stops joining, and leaves the group, unless an instance id keeps our place for the next start.

        Not over the group's connection: there, a broker answers nothing while a join is running. Retries until it finds the
        coordinator, so the caller needs a time limit. Raises `KafkaError`.
        """
        self._leaving = True
        if self._instance_id or not self.member_id or not self._client.cluster.brokers():
            return
        request = LeaveGroupRequest(self._group_id, self.member_id)
        while True:
            try:
                node = await self._client.coordinator_lookup(CoordinationType.GROUP, self._group_id)
                if (await self._pass_on(node, request)).error_code not in _NOT_NOW_CODES:
                    self.member_id = ""
                    return
            except NOT_NOW:
                pass
            await asyncio.sleep(COORDINATOR_SECONDS)
