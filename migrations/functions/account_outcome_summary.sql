-- Now, kept rows are added up, and courses of which none may be used are computed. At another moment all are computed. Of kept rows levels
-- one to ten are added up in one go, because to unfold the counts of all rows takes longer than everything else.
CREATE OR REPLACE FUNCTION outcomes.account_outcome_summary(
    tenant text, account_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (learning_outcome_id bigint, courses bigint, assessed bigint, mastered bigint, mean numeric, scales bigint, levels jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    accounts bigint[];
    stale bigint[];
    here bigint[];
    kept bigint[];
BEGIN
    accounts := ARRAY(SELECT a.id FROM outcomes.account_descendants(tenant, account_id, at, known_at) a);
    IF at IS NULL AND known_at IS NULL THEN
        stale := ARRAY(SELECT DISTINCT s.course_id FROM outcomes_internal.stale_courses(tenant) s);
        here := ARRAY(
            SELECT k.course_id
              FROM (SELECT c.course_id FROM outcomes_internal.summary_course c WHERE c.root_account_uuid = tenant
                     UNION
                    SELECT s.id FROM unnest(stale) s (id)) k
              LEFT JOIN outcomes.course c ON c.root_account_uuid = tenant AND c.id = k.course_id
             WHERE c.workflow_state IS DISTINCT FROM 'deleted'
               AND CASE WHEN c.account_id IS NOT NULL THEN c.account_id
                        ELSE outcomes_internal.account_of_course(tenant, k.course_id) END IN (SELECT unnest(accounts)));
    ELSE
        here := ARRAY(
            SELECT k.course_id
              FROM outcomes_internal.courses_with_results(tenant, ever => true) k
              LEFT JOIN LATERAL outcomes.course_at(tenant, k.course_id, account_outcome_summary.at, known_at) c ON true
             WHERE c.workflow_state IS DISTINCT FROM 'deleted'
               AND outcomes_internal.account_of_course(tenant, k.course_id, account_outcome_summary.at, known_at) = ANY (accounts));
        stale := here;
    END IF;
    kept := ARRAY(SELECT h.id FROM unnest(here) h (id) EXCEPT SELECT s.id FROM unnest(stale) s (id));
    stale := ARRAY(SELECT h.id FROM unnest(here) h (id) INTERSECT SELECT s.id FROM unnest(stale) s (id));
    RETURN QUERY
    WITH part AS MATERIALIZED (
        SELECT s.learning_outcome_id, s.scale, count(*) AS courses, sum(s.assessed) AS assessed, sum(s.mastered) AS mastered,
               sum(s.mean * s.assessed) AS total, NULL::jsonb AS levels,
               ARRAY[sum(s.counts[1]), sum(s.counts[2]), sum(s.counts[3]), sum(s.counts[4]), sum(s.counts[5]), sum(s.counts[6]),
                     sum(s.counts[7]), sum(s.counts[8]), sum(s.counts[9]), sum(s.counts[10])] AS counts
          FROM outcomes_internal.summary s
         WHERE s.root_account_uuid = tenant AND (s.course_id IN (SELECT unnest(kept))) IS TRUE -- looked up in a hash table
         GROUP BY s.learning_outcome_id, s.scale
         UNION ALL
        SELECT p.learning_outcome_id, p.scale, 1, p.assessed, p.mastered, p.mean * p.assessed, p.levels, p.counts::bigint[]
          FROM unnest(stale) c (id)
         CROSS JOIN LATERAL outcomes_internal.summary_parts(tenant, c.id, account_outcome_summary.at, known_at) p
    ),
    counted AS (
        SELECT p.learning_outcome_id, p.scale, n.level, n.students
          FROM part p
         CROSS JOIN LATERAL unnest(p.counts) WITH ORDINALITY n (students, level)
         WHERE n.students IS NOT NULL
         UNION ALL
        SELECT s.learning_outcome_id, s.scale, 10 + n.level, n.students
          FROM outcomes_internal.summary_scale l
          JOIN outcomes_internal.summary s ON s.root_account_uuid = tenant AND s.scale = l.scale
         CROSS JOIN LATERAL unnest(s.counts[11:]) WITH ORDINALITY n (students, level)
         WHERE l.root_account_uuid = tenant AND jsonb_array_length(l.levels) > 10 AND (s.course_id IN (SELECT unnest(kept))) IS TRUE
    ),
    -- Levels that say the same are one, whichever scale they are of; numbered from the highest.
    known_level AS MATERIALIZED (
        SELECT l.scale, l.n, l.level, dense_rank() OVER (ORDER BY (l.level ->> 'points')::numeric DESC, l.level) AS number
          FROM (SELECT DISTINCT ON (s.scale, e.n) s.scale, e.n, e.level
                  FROM (SELECT p.scale, p.levels FROM part p WHERE p.levels IS NOT NULL
                         UNION ALL
                        SELECT s.scale, s.levels FROM outcomes_internal.summary_scale s WHERE s.root_account_uuid = tenant) s
                 CROSS JOIN LATERAL jsonb_array_elements(s.levels) WITH ORDINALITY e (level, n)) l
    ),
    level AS (
        SELECT c.learning_outcome_id, l.number, sum(c.students) AS students,
               sum(sum(c.students)) OVER (PARTITION BY c.learning_outcome_id) AS placed
          FROM counted c
          JOIN known_level l ON l.scale = c.scale AND l.n = c.level
         GROUP BY c.learning_outcome_id, l.number
    ),
    listed AS MATERIALIZED (
        SELECT l.learning_outcome_id,
               jsonb_agg(named.level || jsonb_build_object(
                             'count', l.students, 'percent', coalesce(round(100 * l.students / nullif(l.placed, 0)), 0))
                         ORDER BY l.number) AS levels
          FROM level l
          JOIN (SELECT DISTINCT ON (k.number) k.number, k.level FROM known_level k) named USING (number)
         GROUP BY l.learning_outcome_id
    ),
    summed AS (
        SELECT p.learning_outcome_id, sum(p.courses)::bigint AS courses, sum(p.assessed)::bigint AS assessed,
               sum(p.mastered)::bigint AS mastered, round(sum(p.total) / nullif(sum(p.assessed), 0), 2) AS mean,
               count(DISTINCT p.scale) AS scales
          FROM part p
         GROUP BY p.learning_outcome_id
    )
    SELECT s.learning_outcome_id, s.courses, s.assessed, s.mastered, s.mean, s.scales, coalesce(l.levels, '[]')
      FROM summed s
      LEFT JOIN listed l USING (learning_outcome_id);
END
$$;
COMMENT ON FUNCTION outcomes.account_outcome_summary IS
    'Each outcome over all courses of an account and of those below it, deleted courses left out. at null is now, which is told from kept '
    'summaries, and always as course_outcome_summary says; at another moment every course is computed, which takes as long. courses: with a score for it. '
    'assessed, mastered: students, added up over courses, so that one with a score in two courses counts in both. mean: of the courses'' '
    'means, each weighted by its students. levels: as in course_outcome_summary; scales: how many scales judge, whose levels stand beside each '
    'other where they differ.';
