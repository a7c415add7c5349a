-- Which account-level scale and method apply to a course or account, whose they are, and which contexts were asked for them, by name.
-- The place is known where the way up to the root is told by events; root and course alone can be asked without knowing it.
WITH chain AS MATERIALIZED (
    SELECT * FROM outcomes_internal.account_chain($1, $2, $3, $4, $5)
)
SELECT s.*,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                            'owner_type', c.owner_type, 'owner_id', c.owner_id, 'name', coalesce(course.name, account.name))
                        ORDER BY c.distance), '[]')
          FROM chain AS c
          LEFT JOIN LATERAL course_at($1, c.owner_id, $4, $5) AS course ON c.owner_type = 'Course'
          LEFT JOIN LATERAL account_at($1, c.owner_id, $4, $5) AS account ON c.owner_type = 'Account') AS chain,
       (SELECT jsonb_agg(jsonb_build_object('description', l.descriptions[n], 'color', l.colors[n], 'points', l.points[n],
                                            'mastery', l.mastery[n]) ORDER BY n DESC)
          FROM outcomes_internal.levels_of(s.outcome_proficiency_ratings) AS l
         CROSS JOIN LATERAL generate_subscripts(l.points, 1) AS n) AS levels,
       ($2::text <> 'Course'
        OR EXISTS (SELECT FROM course_at($1, $3, $4, $5) AS c WHERE c.account_id IS NOT NULL)
        OR EXISTS (SELECT
                     FROM context_hint AS h
                    WHERE h.root_account_uuid = $1
                      AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
                      AND outcomes_internal.local_id(h.metadata ->> 'context_id') = $3
                      AND h.event_time <= coalesce($4, 'infinity') AND h.recorded_at <= coalesce($5, 'infinity')))
       AND NOT EXISTS (SELECT
                         FROM chain AS c
                        WHERE c.owner_type = 'Account' AND c.owner_id IS DISTINCT FROM outcomes_internal.root_account($1, $4, $5)
                          AND NOT EXISTS (SELECT FROM account_at($1, c.owner_id, $4, $5))) AS place_known
  FROM mastery_setting($1, $2, $3, $4, $5) AS s
