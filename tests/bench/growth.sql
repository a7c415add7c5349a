-- Results as years of grading leave them, by their ids: each row is a version, the last of an id is its current state. Nothing is
-- read from a table, so that what is known of a result can be asked for without bringing its pages into memory.
-- {results} results in {years} years from {first_year} on; ids grow with time. A year has classes of 30 students x 15 outcomes, results
-- come outcome by outcome and within it class by class, all in the year's first 205 days. A student sits in six classes, and a fifth
-- of all students are new each year. A result has {each} versions on average, most of them between half and twice that, a few days
-- apart, so that the last is told 245 days into its year.
SELECT '{tenant}' AS root_account_uuid, id,
       CASE WHEN version > 1 THEN date_trunc('second', event_time) END AS updated_at,
       'active' AS workflow_state,
       class * 15 + outcome AS learning_outcome_id, class_uuid AS learning_outcome_context_uuid,
       'Course' AS result_context_type, class AS result_context_id, class_uuid AS result_context_uuid, user_uuid,
       points AS score, possible, points / possible AS percent, points >= 0.6 * possible AS mastery,
       original AS original_score, possible AS original_possible, original >= 0.6 * possible AS original_mastery,
       version::integer AS attempt,
       date_trunc('second', event_time) AS assessed_at, date_trunc('second', created) AS created_at,
       'Assignment' AS associated_asset_type, class * 15 + outcome AS associated_asset_id,
       'RubricAssessment' AS artifact_type, id * 3 AS artifact_id,
       date_trunc('second', created) AS artifact_created_at, date_trunc('second', event_time) AS artifact_updated_at,
       NULL::jsonb AS extra,
       CASE WHEN version > 1 THEN 'learning_outcome_result_updated' ELSE 'learning_outcome_result_created' END AS event_name,
       event_time, hashint8extended(id, version) AS version_hash,
       'canvas-live-events' AS source, (id % 4)::integer AS partition, id * 20 + version AS position, NULL::jsonb AS metadata
  FROM (SELECT id, class, class_uuid, user_uuid, outcome, created, possible, version,
               created + (version - 1) * 5 / {each} * (interval '1 day' + id % 97 * interval '1 hour') AS event_time,
               (id % 11)::float8 / 10 * possible AS original, ((id + 3 * (version - 1)) % 11)::float8 / 10 * possible AS points
          FROM (SELECT id, class, outcome, md5('class ' || class) || 'bEnCh008' AS class_uuid,
                       md5('student ' || year * classes + (class * 30 + n % 30) % (classes * 5)) || 'bEnCh008' AS user_uuid,
                       (ARRAY[4, 5, 10, 20, 100]::float8[])[1 + class % 5] AS possible,
                       '{first_year}-01-05'::timestamptz + year * interval '1 year' + n * interval '200 days' / a_year AS created,
                       greatest(1, round((ARRAY[1, 3, 4, 4, 5, 5, 6, 6, 7, 9])[1 + id % 10] * {each} / 5.0))::bigint AS versions
                  FROM (SELECT id, year, n, a_year, classes, n / (classes * 30) % 15 AS outcome,
                               year * classes + n / 30 % classes + 1 AS class
                          FROM (SELECT id, a_year, a_year / 450 + 1 AS classes, least((id - 1) / a_year, {years} - 1) AS year,
                                       id - 1 - least((id - 1) / a_year, {years} - 1) * a_year AS n
                                  FROM {ids}, (SELECT {results}::bigint / {years} AS a_year) size
                                OFFSET 0) placed
                        OFFSET 0) seated
                OFFSET 0) result,
               generate_series({from_version}, versions) version
        OFFSET 0) told
