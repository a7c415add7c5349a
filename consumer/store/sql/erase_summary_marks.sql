-- Marks and sources of summaries name users by their ids: they go, and every summary is computed again.
WITH mark AS (
    DELETE FROM outcomes_internal.summary_mark
),
source AS (
    DELETE FROM outcomes_internal.summary_source
)
INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind)
SELECT root_account_uuid, 'all' FROM outcomes_internal.summary_tenant
