-- Rows of Canvas' report "Outcome Export" of an account ($2): its groups from the top down, without the root group, then the outcomes that
-- it links, by id (gems/plugins/account_reports, outcome_export.rb).
WITH RECURSIVE own AS MATERIALIZED (
    SELECT g.*
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_group_version AS v
             WHERE v.root_account_uuid = $1 AND v.context_type = 'Account' AND v.context_id = $2) AS seen
     CROSS JOIN LATERAL learning_outcome_group_at($1, seen.id, $3, $4) AS g
     WHERE g.context_type = 'Account' AND g.context_id = $2 AND g.workflow_state IS DISTINCT FROM 'deleted'
),
below AS (
    SELECT own.id, 0 AS depth, ARRAY[own.id] AS visited FROM own WHERE own.parent_outcome_group_id IS NULL
     UNION ALL
    SELECT own.id, below.depth + 1, below.visited || own.id
      FROM below
      JOIN own ON own.parent_outcome_group_id = below.id AND own.id <> ALL (below.visited)
),
named AS MATERIALIZED (
    SELECT own.id, below.depth, coalesce(own.vendor_guid, 'canvas_outcome_group:' || own.id) AS guid, own.title, own.description,
           own.workflow_state, own.parent_outcome_group_id
      FROM own
      JOIN below USING (id)
),
linked AS (
    SELECT p.learning_outcome_id AS id, string_agg(named.guid, ' ' ORDER BY named.id) FILTER (WHERE named.depth > 0) AS parents
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_link_version AS v
             WHERE v.root_account_uuid = $1 AND v.context_type = 'Account' AND v.context_id = $2) AS seen
     CROSS JOIN LATERAL outcomes_internal.outcome_path_of($1, seen.id, $3, $4) AS p
      LEFT JOIN named ON named.id = p.learning_outcome_group_id
     WHERE p.context_type = 'Account' AND p.context_id = $2
     GROUP BY p.learning_outcome_id
)
SELECT row.*
  FROM (SELECT 0 AS kind, n.depth, n.id, n.guid AS vendor_guid, 'group' AS object_type, n.title, n.description,
               NULL AS friendly_description, NULL AS display_name, NULL AS calculation_method, NULL::integer AS calculation_int,
               coalesce(parent.guid, '') AS parent_guids, n.workflow_state, NULL::jsonb AS criterion
          FROM named AS n
          LEFT JOIN named AS parent ON parent.id = n.parent_outcome_group_id AND parent.depth > 0
         WHERE n.depth > 0
         UNION ALL
        SELECT 1, 0, o.id, coalesce(o.vendor_guid, 'canvas_outcome:' || o.id), 'outcome', o.title, o.description, friendly.description,
               o.display_name, o.calculation_method, o.calculation_int, coalesce(linked.parents, ''), o.workflow_state, o.rubric_criterion
          FROM linked
         CROSS JOIN LATERAL learning_outcome_at($1, linked.id, $3, $4) AS o
          LEFT JOIN LATERAL (
                SELECT f.description
                  FROM (SELECT DISTINCT v.id
                          FROM outcome_friendly_description_version AS v
                         WHERE v.root_account_uuid = $1 AND v.learning_outcome_id = linked.id) AS seen
                 CROSS JOIN LATERAL outcome_friendly_description_at($1, seen.id, $3, $4) AS f
                 WHERE f.context_type = 'Account' AND f.context_id = $2 AND f.workflow_state IS DISTINCT FROM 'deleted'
                 LIMIT 1) AS friendly ON true) AS row
 ORDER BY row.kind, row.depth, row.id
