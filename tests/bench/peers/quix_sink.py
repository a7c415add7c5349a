"""Topic to table with Quix Streams and its PostgreSQL sink. Run by the environment of the peers."""

import json
import sys

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink

told = json.loads(sys.argv[1])

app = Application(
    broker_address=told["bootstrap"],
    consumer_group=told["topic"],
    auto_offset_reset="earliest",
    commit_every=int(told["commit_every"]),
    commit_interval=float(told["commit_seconds"]),
    consumer_extra_config={"isolation.level": "read_committed"},
    state_dir=told["folder"],
    loglevel="WARNING",
)
sink = PostgreSQLSink(
    **told["postgres"],
    table_name=told["table"],
    schema_auto_update=False,
    primary_key_columns="id",
    upsert_on_primary_key=True,
    include_metadata=False,
)
app.dataframe(app.topic(told["topic"], value_deserializer="json")).sink(sink)
app.run()
