"""What somebody would write instead: aiokafka, a pydantic model, one upsert for many rows, offsets after each batch of 500.

It keeps the current rows only, without a guard: what arrives last wins. `python -m tests.bench.baseline`, addresses and topic
by environment; says `ready` once it owns its partitions, and after each batch how many events it has written.
"""

import asyncio
import os
from datetime import datetime

import asyncpg
from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel

BATCH = 500


class Metadata(BaseModel):
    """The envelope, as far as it is kept."""

    root_account_uuid: str
    event_name: str
    event_time: datetime


class Result(BaseModel):
    """The body."""

    id: int
    learning_outcome_id: int
    learning_outcome_context_uuid: str | None = None
    result_context_type: str | None = None
    result_context_id: int | None = None
    result_context_uuid: str | None = None
    user_uuid: str | None = None
    score: float | None = None
    possible: float | None = None
    percent: float | None = None
    mastery: bool | None = None
    original_score: float | None = None
    original_possible: float | None = None
    original_mastery: bool | None = None
    attempt: int | None = None
    assessed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime | None = None
    workflow_state: str = "active"
    associated_asset_type: str | None = None
    associated_asset_id: int | None = None
    artifact_type: str | None = None
    artifact_id: int | None = None
    artifact_created_at: datetime | None = None
    artifact_updated_at: datetime | None = None


class Event(BaseModel):
    """One message."""

    metadata: Metadata
    body: Result


COLUMNS = (*Metadata.model_fields, *Result.model_fields)
UPSERT = (
    f"INSERT INTO baseline_result ({', '.join(COLUMNS)}) VALUES ({', '.join(f'${n}' for n in range(1, len(COLUMNS) + 1))}) "
    f"ON CONFLICT (root_account_uuid, id) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in COLUMNS[1:])}"
)


async def main() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    consumer = AIOKafkaConsumer(
        os.environ["TOPIC"],
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        group_id=os.environ["TOPIC"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    print("ready", flush=True)
    written = 0
    while True:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
        events = [Event.model_validate_json(record.value) for records in fetched.values() for record in records]
        if events:
            await connection.executemany(UPSERT, [(*vars(e.metadata).values(), *vars(e.body).values()) for e in events])
            await consumer.commit()
            written += len(events)
            print(written, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
