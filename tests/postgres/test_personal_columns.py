"""Each column that can hold a person says so, and `erase` knows it."""

import re
from collections.abc import Mapping

from consumer.ingest.person_keys import NAMES_PERSON
from consumer.ingest.tables import TABLES
from consumer.store.postgres import connect

HARMLESS: Mapping[str, str] = {
    "a thing of Canvas, or a context of it": """
        id account_id assignment_group_id assignment_id course_id course_section_id course_uuid account_uuid context_id
        context_type context_uuid copied_from_outcome_id enrollment_term_id global_id grading_period_group_id
        grading_standard_id learning_outcome_context_uuid learning_outcome_group_context_uuid learning_outcome_group_id
        learning_outcome_id nonxlist_course_id original_outcome_root_account_uuid parent_account_id
        parent_outcome_group_context_uuid parent_outcome_group_id quiz_id result_context_id result_context_type
        result_context_uuid root_account_id root_account_uuid body_root_account_uuid sis_batch_id sis_course_id
        sis_source_id sis_term_id integration_id vendor_guid domain url uuid:course asset_id asset_type
        associated_asset_id associated_asset_type artifact_id artifact_type""",
    "a word of a closed list, or a setting": """
        assessment_type calculation_method default_locale default_time_zone event_name external_status grading_type kind
        reason state submission_types type workflow_state table_name name:tenant_setting value""",
    "what people write about courses, outcomes and scales": """
        course_code description display_name grading_scheme name:account name:course name:course_section
        name:enrollment_term outcome_proficiency_ratings rubric_criterion short_description title""",
    "a sentence of our own, or a name that is shown as (personal) where it may be somebody's": "message path member",
    "a number or word of the books, a digest, a key": """
        applied superseded duplicate ignored quarantined erased consumed events records versions position next_position
        from_position to_position run_id version_hash source scope step digest key inner_pad outer_pad version_num
        session name:applied_file""",
    "what a token is for; its maker chooses it, and revokes it": "name:api_token",
}
"""Why a column names nobody -> columns, by name alone or with their table."""

CONTENT = {("quarantine", "raw"), ("unknown_value", "members"), *((name, "extra") for name in TABLES)}
"""What `erase` looks into for a person: `erasure._erase_mentions`."""
REQUEST = {(f"{name}_version", "metadata") for name in TABLES}
"""Where `outcomes_internal.suppress` takes out the context of a request."""
LEFT = {("stream_position", "label"): "the operator chose the file's name; the how-to says so"}

_COLUMNS = """
SELECT relation.relname AS table, attribute.attname AS column, col_description(relation.oid, attribute.attnum) AS meaning
  FROM pg_class relation
  JOIN pg_attribute attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
 WHERE relation.relnamespace::regnamespace::text LIKE 'outcomes%' AND relation.relkind IN ('r', 'p')
   AND NOT relation.relispartition
   AND attribute.atttypid::regtype::text IN ('bigint', 'text', 'jsonb', 'bytea', 'character varying')
"""


async def test_every_column_that_can_hold_a_person_is_marked_and_known_to_erase(database: str) -> None:
    """A new column of a type that can is neither, until somebody says which it is."""
    connection = await connect(database)
    harmless = {name for names in HARMLESS.values() for name in names.split()}
    whose = {
        tuple(row) for row in await connection.fetch("SELECT table_name, column_name FROM outcomes_internal.person_column()")
    }
    wrong, marked = [], set()
    for table, column, meaning in await connection.fetch(_COLUMNS):
        of = table.removesuffix("_version") if table.removesuffix("_version") in TABLES else table
        if re.search(r"\bPersonal\b", meaning):
            marked.add((of, column))
            known = (of, column) in whose | CONTENT or (table, column) in REQUEST | LEFT.keys() or of == "person_name"
            if not known and column != "global_id":
                wrong.append(f"{table}.{column} is marked, and erase does not know it")
        elif (
            column not in harmless and f"{column}:{of}" not in harmless and not (column == "extra" and "Always null" in meaning)
        ):
            wrong.append(f"{table}.{column} is neither marked as Personal nor listed as harmless")
    assert wrong == []
    named = {(table, column) for table, columns in NAMES_PERSON.items() for column in columns}
    assert named <= marked
    assert named <= whose
    await connection.close()
