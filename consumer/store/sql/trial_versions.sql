-- Takes a made-up tenant's versions out again. Only the owner may: no version of a real event is ever deleted.
WITH gone AS (
    DELETE FROM learning_outcome_version WHERE root_account_uuid = $1 RETURNING source, partition
),
current AS (
    DELETE FROM learning_outcome WHERE root_account_uuid = $1
)
SELECT source, partition, count(*) AS events FROM gone GROUP BY source, partition ORDER BY source, partition
