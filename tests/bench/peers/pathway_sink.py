"""Topic to table with Pathway: rows by primary key, kept as a snapshot. Run by the environment of the peers."""

import json
import sys

import pathway as pw

told = json.loads(sys.argv[1])


class Result(pw.Schema):  # type: ignore[misc]  # not installed where types are checked
    """The flat record. `id` is a word of Pathway's own, so ours has another name here."""

    result_id: int
    learning_outcome_id: int
    learning_outcome_context_uuid: str
    result_context_type: str
    result_context_id: int
    result_context_uuid: str
    user_uuid: str
    score: float
    possible: float
    percent: float
    mastery: bool
    original_score: float
    original_possible: float
    original_mastery: bool
    attempt: int
    assessed_at: pw.DateTimeUtc
    created_at: pw.DateTimeUtc
    updated_at: pw.DateTimeUtc
    associated_asset_type: str
    associated_asset_id: int
    artifact_type: str
    artifact_id: int
    artifact_created_at: pw.DateTimeUtc
    artifact_updated_at: pw.DateTimeUtc
    event_time: pw.DateTimeUtc


class Keyed(Result):
    """The same, where the id is also the key of Pathway's own rows."""

    result_id: int = pw.column_definition(primary_key=True)


results = pw.io.kafka.read(
    {
        "bootstrap.servers": told["bootstrap"],
        "group.id": told["topic"],
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    },
    topic=told["topic"],
    format="json",
    json_field_paths={"result_id": "/id"},
    schema=Keyed if told["keep"] == "as documented" else Result,
    autocommit_duration_ms=int(told["milliseconds"]),
    with_metadata=told["keep"] == "last",
)
order = None
if told["keep"] == "last":  # the writer takes the rows of one moment in no order of their own
    results = results.with_columns(record_offset=pw.this._metadata["offset"].as_int()).without(pw.this._metadata)
    order = [results.record_offset]
elif told["keep"] == "newest":
    results = results.deduplicate(value=pw.this.event_time, instance=pw.this.result_id, acceptor=lambda new, old: new > old)
pw.io.postgres.write(
    results,
    told["postgres"],
    told["table"],
    output_table_type="snapshot",
    primary_key=[results.result_id],
    sort_by=order,
)
pw.run(monitoring_level=pw.MonitoringLevel.NONE)
