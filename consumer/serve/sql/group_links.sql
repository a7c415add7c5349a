-- The links of a course or account at a moment, with group, outcome, and the scale and method that apply here. Leaves out links of an
-- outcome that is deleted or was after the link, and links whose group or outcome has no event. Those of one group ($5) are by title.
-- With $8 all outcomes that the gradebook of a course has: also those whose group or whose own event nobody told, and last those that
-- only results tell.
WITH linked AS MATERIALIZED (
    SELECT l.id, l.learning_outcome_id, l.learning_outcome_group_id, count(*) OVER () AS total,
           row_number() OVER (ORDER BY CASE WHEN $5::bigint IS NOT NULL THEN lower(o.title) END, l.id) AS place
      FROM (SELECT DISTINCT v.id
              FROM learning_outcome_link_version AS v
             WHERE v.root_account_uuid = $1 AND v.context_type = $2 AND v.context_id = $3) AS seen
     CROSS JOIN LATERAL learning_outcome_link_at($1, seen.id, $4) AS l
      LEFT JOIN LATERAL learning_outcome_at($1, l.learning_outcome_id, $4) AS o ON true
      LEFT JOIN LATERAL learning_outcome_group_at($1, l.learning_outcome_group_id, $4) AS g ON true
     WHERE l.context_type = $2 AND l.context_id = $3 AND l.workflow_state = 'active'
       AND o.workflow_state IS DISTINCT FROM 'deleted' AND g.workflow_state IS DISTINCT FROM 'deleted'
       AND NOT outcomes_internal.outcome_deleted_since($1, l.learning_outcome_id, l.event_time, $4)
       AND ($8::boolean OR o.id IS NOT NULL AND g.id IS NOT NULL)
       AND ($5::bigint IS NULL OR l.learning_outcome_group_id = $5)
     ORDER BY place
     LIMIT $6 OFFSET $7
),
page AS MATERIALIZED (
    SELECT * FROM linked
     UNION ALL
    SELECT NULL, c.learning_outcome_id, NULL, NULL, NULL
      FROM outcomes_internal.course_outcome($1, $3, $4, NULL) AS c
     WHERE $8 AND $2 = 'Course' AND c.hidden IS NULL
       AND c.learning_outcome_id <> ALL (ARRAY(SELECT linked.learning_outcome_id FROM linked))
)
SELECT page.total, setting.account_level, setting.outcome_proficiency_ratings,
       setting.outcome_calculation_method_id IS NOT NULL AS method_found,
       setting.calculation_method AS found_method, setting.calculation_int AS found_int,
       friendly.description AS friendly_description,
       $2 = 'Course' AND EXISTS (SELECT FROM learning_outcome_result AS r
                                  WHERE r.root_account_uuid = $1 AND r.learning_outcome_id = page.learning_outcome_id
                                    AND r.result_context_id = $3 AND coalesce(r.result_context_type, 'Course') = 'Course'
                                    AND r.created_at <= coalesce($4, 'infinity')) AS assessed,
       page.learning_outcome_id AS id, coalesce(o.title, '') AS title, o.display_name, o.description, o.vendor_guid, o.context_type,
       o.context_id, o.calculation_method, o.calculation_int, o.rubric_criterion, page.learning_outcome_group_id,
       g.id AS group_id, g.title AS group_title, g.description AS group_description, g.vendor_guid AS group_vendor_guid,
       g.context_type AS group_context_type, g.context_id AS group_context_id,
       g.parent_outcome_group_id, p.title AS parent_title, p.vendor_guid AS parent_vendor_guid,
       p.context_type AS parent_context_type, p.context_id AS parent_context_id
  FROM page
 CROSS JOIN mastery_setting($1, $2, $3, $4) AS setting
  LEFT JOIN LATERAL learning_outcome_at($1, page.learning_outcome_id, $4) AS o ON true
  LEFT JOIN LATERAL learning_outcome_group_at($1, page.learning_outcome_group_id, $4) AS g ON true
  LEFT JOIN LATERAL learning_outcome_group_at($1, g.parent_outcome_group_id, $4) AS p ON true
  LEFT JOIN LATERAL (
        SELECT f.description
          FROM (SELECT DISTINCT v.id
                  FROM outcome_friendly_description_version AS v
                 WHERE v.root_account_uuid = $1 AND v.learning_outcome_id = o.id) AS seen
         CROSS JOIN LATERAL outcome_friendly_description_at($1, seen.id, $4) AS f
         WHERE f.learning_outcome_id = o.id AND f.context_type = $2 AND f.context_id = $3 AND f.workflow_state = 'active'
         ORDER BY f.event_time DESC, f.id DESC
         LIMIT 1) AS friendly ON true
 ORDER BY page.place NULLS LAST, page.learning_outcome_id
