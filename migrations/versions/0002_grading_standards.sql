-- Grading standards: which letter a percentage is.
--
-- Canvas posts no event about them, so they are imported from its REST answers, and people say who uses which. Both are kept over
-- time as everything else is: rows are added with the time from which they hold, and never rewritten. Of two that hold from
-- the same moment the later recorded one counts.
-- The arithmetic is decimal throughout: 0.545 x 100 is 54.5, and 93.999 is not 94.

CREATE TABLE outcomes.grading_standard (
    root_account_uuid text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    title text NOT NULL,
    context_type text,
    context_id bigint,
    workflow_state text NOT NULL,
    points_based boolean NOT NULL,
    scaling_factor numeric NOT NULL,
    data_version smallint NOT NULL,
    grading_scheme jsonb NOT NULL,
    valid_from timestamptz NOT NULL,
    imported_at timestamptz NOT NULL,
    CONSTRAINT grading_standard_one_row_per_object PRIMARY KEY (root_account_uuid, id),
    CONSTRAINT grading_standard_owner_is_whole CHECK ((context_type IS NULL) = (context_id IS NULL)),
    CONSTRAINT grading_standard_only_points_have_a_factor
        CHECK (scaling_factor > 0 AND (points_based OR scaling_factor = 1))
);

COMMENT ON TABLE outcomes.grading_standard IS
    'Grading standards: letters and the percentages from which they are given. Imported; the newest state of each.';
COMMENT ON COLUMN outcomes.grading_standard.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.grading_standard.id IS 'Local id of the standard.';
COMMENT ON COLUMN outcomes.grading_standard.title IS 'Title; may change while the standard is used.';
COMMENT ON COLUMN outcomes.grading_standard.context_type IS 'Account or Course that owns the standard; null where the import did not say.';
COMMENT ON COLUMN outcomes.grading_standard.context_id IS 'Local id of the owner.';
COMMENT ON COLUMN outcomes.grading_standard.workflow_state IS
    'active; archived: still counts where it is used; deleted: as if it were not there.';
COMMENT ON COLUMN outcomes.grading_standard.points_based IS 'Whether people see points instead of percentages; the mapping is the same.';
COMMENT ON COLUMN outcomes.grading_standard.scaling_factor IS 'Points of 100 percent where points_based; else 1.';
COMMENT ON COLUMN outcomes.grading_standard.data_version IS
    'Version of Canvas'' data that was imported; version 1 held upper bounds and was converted.';
COMMENT ON COLUMN outcomes.grading_standard.grading_scheme IS
    'List of {name, value}, falling; value is the lower bound as a fraction, 4 decimals.';
COMMENT ON COLUMN outcomes.grading_standard.valid_from IS 'Valid time: from when this state holds; the import''s, or what --as-of said.';
COMMENT ON COLUMN outcomes.grading_standard.imported_at IS 'System time: when this state was imported.';

CREATE TABLE outcomes.grading_standard_version (
    LIKE outcomes.grading_standard INCLUDING COMMENTS INCLUDING CONSTRAINTS,
    CONSTRAINT grading_standard_version_one_row_per_version PRIMARY KEY (root_account_uuid, id, valid_from, imported_at)
);

COMMENT ON TABLE outcomes.grading_standard_version IS
    'Every state of each grading standard that was imported. Rows are added, never changed.';

CREATE VIEW outcomes.grading_standard_history AS
SELECT root_account_uuid, id, valid_from,
       lead(valid_from) OVER (PARTITION BY root_account_uuid, id ORDER BY valid_from) AS valid_to,
       title, context_type, context_id, workflow_state, points_based, scaling_factor, data_version, grading_scheme, imported_at
  FROM (SELECT latest.*,
               ROW(true, title, context_type, context_id, workflow_state, points_based, scaling_factor, grading_scheme)
               IS NOT DISTINCT FROM
               lag(ROW(true, title, context_type, context_id, workflow_state, points_based, scaling_factor, grading_scheme))
               OVER (PARTITION BY root_account_uuid, id ORDER BY valid_from) AS says_nothing_new
          FROM (SELECT DISTINCT ON (root_account_uuid, id, valid_from) *
                  FROM outcomes.grading_standard_version
                 ORDER BY root_account_uuid, id, valid_from, imported_at DESC) AS latest) AS state
 WHERE NOT says_nothing_new;

COMMENT ON VIEW outcomes.grading_standard_history IS
    'The states of each grading standard as periods [valid_from, valid_to). Neighbours that say the same are one.';


CREATE TABLE outcomes.grading_standard_use (
    root_account_uuid text COLLATE "C" NOT NULL,
    context_type text NOT NULL,
    context_id bigint NOT NULL,
    grading_standard_id bigint,
    valid_from timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT grading_standard_use_one_row_per_change
        PRIMARY KEY (root_account_uuid, context_type, context_id, valid_from, recorded_at),
    CONSTRAINT grading_standard_use_context_type_is_known CHECK (context_type IN ('Assignment', 'Course', 'Account'))
);

COMMENT ON TABLE outcomes.grading_standard_use IS
    'Which grading standard an assignment, a course, or an account as its default uses, and since when. Rows are added, never changed.';
COMMENT ON COLUMN outcomes.grading_standard_use.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.grading_standard_use.context_type IS 'Assignment, Course or Account.';
COMMENT ON COLUMN outcomes.grading_standard_use.context_id IS 'Local id of the assignment, course or account.';
COMMENT ON COLUMN outcomes.grading_standard_use.grading_standard_id IS 'The standard: grading_standard.id; null for none of its own.';
COMMENT ON COLUMN outcomes.grading_standard_use.valid_from IS 'Valid time: from when it is used.';
COMMENT ON COLUMN outcomes.grading_standard_use.recorded_at IS 'System time: when that was said.';

CREATE VIEW outcomes.grading_standard_use_history AS
SELECT root_account_uuid, context_type, context_id, valid_from,
       lead(valid_from) OVER (PARTITION BY root_account_uuid, context_type, context_id ORDER BY valid_from) AS valid_to,
       grading_standard_id, recorded_at
  FROM (SELECT latest.*,
               ROW(true, grading_standard_id) IS NOT DISTINCT FROM lag(ROW(true, grading_standard_id))
               OVER (PARTITION BY root_account_uuid, context_type, context_id ORDER BY valid_from) AS says_nothing_new
          FROM (SELECT DISTINCT ON (root_account_uuid, context_type, context_id, valid_from) *
                  FROM outcomes.grading_standard_use
                 ORDER BY root_account_uuid, context_type, context_id, valid_from, recorded_at DESC) AS latest) AS used
 WHERE NOT says_nothing_new;

COMMENT ON VIEW outcomes.grading_standard_use_history IS
    'Which grading standard each context uses, as periods [valid_from, valid_to). Neighbours that say the same are one.';

-- The views' columns say what their tables' columns say.
DO $comments$
DECLARE
    of_view record;
BEGIN
    FOR of_view IN
        SELECT format('COMMENT ON COLUMN outcomes.%I.%I IS %L', relation.view, seen.attname,
                      CASE seen.attname
                          WHEN 'valid_from' THEN 'Start of the period.'
                          WHEN 'valid_to' THEN 'End of the period: when something else began to hold; null for the newest.'
                          ELSE col_description(relation.kept::regclass, kept.attnum)
                      END) AS statement
          FROM (VALUES ('grading_standard_history', 'outcomes.grading_standard_version'),
                       ('grading_standard_use_history', 'outcomes.grading_standard_use')) AS relation (view, kept)
          JOIN pg_attribute AS seen ON seen.attrelid = format('outcomes.%I', relation.view)::regclass AND seen.attnum > 0
          LEFT JOIN pg_attribute AS kept ON kept.attrelid = relation.kept::regclass AND kept.attname = seen.attname
    LOOP
        EXECUTE of_view.statement;
    END LOOP;
END
$comments$;


CREATE FUNCTION outcomes.default_grading_scheme() RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb '[{"name": "A", "value": 0.94}, {"name": "A-", "value": 0.90},
                   {"name": "B+", "value": 0.87}, {"name": "B", "value": 0.84}, {"name": "B-", "value": 0.80},
                   {"name": "C+", "value": 0.77}, {"name": "C", "value": 0.74}, {"name": "C-", "value": 0.70},
                   {"name": "D+", "value": 0.67}, {"name": "D", "value": 0.64}, {"name": "D-", "value": 0.61},
                   {"name": "F", "value": 0}]';
END;

COMMENT ON FUNCTION outcomes.default_grading_scheme() IS
    'Canvas'' built-in scheme, for whatever uses no grading standard.';

CREATE FUNCTION outcomes.grading_scheme_entries(grading_scheme jsonb)
RETURNS TABLE (place bigint, name text, value numeric) LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT entry.place,
           btrim(CASE jsonb_typeof(entry.said) WHEN 'array' THEN entry.said ->> 0 ELSE entry.said ->> 'name' END,
                 E' \t\n\x0B\f\r'),
           round((CASE jsonb_typeof(entry.said) WHEN 'array' THEN entry.said ->> 1 ELSE entry.said ->> 'value' END)::numeric, 4)
      FROM jsonb_array_elements(coalesce(nullif(grading_scheme, 'null'), outcomes.default_grading_scheme()))
           WITH ORDINALITY AS entry (said, place);
END;

COMMENT ON FUNCTION outcomes.grading_scheme_entries(jsonb) IS
    'The entries of a scheme as rows: place in the list, name without blanks around it, lower bound as a fraction with 4 decimals. '
    'Takes [{"name": "A", "value": 0.94}, ...] and [["A", 0.94], ...]; null is the built-in scheme.';

CREATE FUNCTION outcomes.normal_grading_scheme(grading_scheme jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(jsonb_build_object('name', entry.name, 'value', entry.value) ORDER BY entry.value DESC, entry.place)
      FROM outcomes.grading_scheme_entries(grading_scheme) AS entry;
END;

COMMENT ON FUNCTION outcomes.normal_grading_scheme(jsonb) IS
    'A scheme of any shape as grading_standard keeps it: a list of {name, value}, falling, 4 decimals.';

CREATE FUNCTION outcomes.grading_scheme_of_version_1(grading_scheme jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT outcomes.normal_grading_scheme(jsonb_agg(jsonb_build_array(entry.name, entry.lower_bound) ORDER BY entry.place))
      FROM (SELECT upper.place, upper.name,
                   coalesce(lead(upper.value) OVER (ORDER BY upper.place) + 0.01, 0) AS lower_bound
              FROM outcomes.grading_scheme_entries(grading_scheme) AS upper) AS entry;
END;

COMMENT ON FUNCTION outcomes.grading_scheme_of_version_1(jsonb) IS
    'Old data of Canvas (version 1, upper bounds, falling) as a scheme of lower bounds: each entry gets the next one''s bound + 0.01, '
    'the last gets 0.';

CREATE FUNCTION outcomes.letter_grade(grading_scheme jsonb, percent numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT entry.name
      FROM (SELECT name, value, place, value * 100 <= greatest(percent, 0) AS reached
              FROM outcomes.grading_scheme_entries(grading_scheme)) AS entry
     WHERE percent <> 'NaN'
     ORDER BY entry.reached DESC, CASE WHEN entry.reached THEN -entry.value ELSE entry.value END, entry.place
     LIMIT 1;
END;

COMMENT ON FUNCTION outcomes.letter_grade(jsonb, numeric) IS
    'The letter of a percentage: the entry with the greatest bound that is reached, else the lowest one. Exact decimals, nothing is '
    'rounded; negative is 0; null stays null. grading_scheme null is the built-in scheme.';

CREATE FUNCTION outcomes.letter_score(
    grading_scheme jsonb, letter text, points_based boolean DEFAULT false, scaling_factor numeric DEFAULT 1) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(CASE
               WHEN entry.next_higher IS NULL THEN 100
               WHEN points_based THEN entry.next_higher * 100 - 10 / coalesce(nullif(scaling_factor, 0), 1)
               WHEN entry.next_higher - entry.value >= 0.01 THEN entry.next_higher * 100 - 1
               ELSE entry.next_higher * 100 - 0.1
           END)
      FROM (SELECT value, place, lag(value) OVER (ORDER BY value DESC, place) AS next_higher,
                   lower(name COLLATE "default") AS name, lower(letter COLLATE "default") AS asked
              FROM outcomes.grading_scheme_entries(grading_scheme)) AS entry
     WHERE regexp_replace(entry.name, E'\u2212$', '-') = regexp_replace(entry.asked, E'\u2212$', '-')
     ORDER BY entry.name = entry.asked DESC, entry.value DESC, entry.place
     LIMIT 1;
END;

COMMENT ON FUNCTION outcomes.letter_score(jsonb, text, boolean, numeric) IS
    'The percentage that Canvas enters for a letter: 100 for the top one; else below the next higher bound by 1 percent, by 0.1 '
    'percent where the step is less than 1, by 0.1 point where points_based. Case does not matter, a minus sign at the end may be U+2212. '
    'Null for an unknown letter.';

CREATE FUNCTION outcomes.points_percent(points numeric, points_possible numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT trim_scale(div(points * 1e22, nullif(points_possible, 0)) * 1e-20);
END;

COMMENT ON FUNCTION outcomes.points_percent(numeric, numeric) IS
    'Points as a percentage, by decimal division. Cut after 20 decimals, never rounded up, so no bound is reached that the exact '
    'quotient does not reach. Null where nothing is possible.';

CREATE FUNCTION outcomes.effective_grading_standard(
    root_account_uuid text, assignment_id bigint, course_id bigint, account_id bigint, at timestamptz DEFAULT now())
RETURNS TABLE (grading_standard_id bigint, title text, grading_scheme jsonb, points_based boolean, scaling_factor numeric,
               context_type text, context_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT found.grading_standard_id, found.title, found.grading_scheme, found.points_based, found.scaling_factor,
           found.context_type, found.context_id
      FROM (SELECT level.distance, used.grading_standard_id, standard.title, standard.grading_scheme, standard.points_based,
                   standard.scaling_factor, standard.context_type, standard.context_id
              FROM (VALUES (1, 'Assignment', assignment_id), (2, 'Course', course_id), (3, 'Account', account_id))
                   AS level (distance, context_type, context_id)
             CROSS JOIN LATERAL (
                   SELECT said.grading_standard_id
                     FROM outcomes.grading_standard_use AS said
                    WHERE said.root_account_uuid = effective_grading_standard.root_account_uuid
                      AND said.context_type = level.context_type AND said.context_id = level.context_id
                      AND said.valid_from <= coalesce(at, now())
                    ORDER BY said.valid_from DESC, said.recorded_at DESC
                    LIMIT 1) AS used
             CROSS JOIN LATERAL (
                   SELECT state.*
                     FROM outcomes.grading_standard_version AS state
                    WHERE state.root_account_uuid = effective_grading_standard.root_account_uuid
                      AND state.id = used.grading_standard_id AND state.valid_from <= coalesce(at, now())
                    ORDER BY state.valid_from DESC, state.imported_at DESC
                    LIMIT 1) AS standard
             WHERE standard.workflow_state <> 'deleted'
            UNION ALL
            SELECT 4, NULL, 'Default Grading Scheme', outcomes.default_grading_scheme(), false, 1, NULL, NULL) AS found
     ORDER BY found.distance
     LIMIT 1;
END;

COMMENT ON FUNCTION outcomes.effective_grading_standard(text, bigint, bigint, bigint, timestamptz) IS
    'The grading standard that counts, as it was at a time (null: now): the assignment''s, else the course''s, else the account''s default, else '
    'the built-in one (id and owner null). Each id may be null. Deleted standards, and those not known at that time, are skipped.';


GRANT SELECT, INSERT, UPDATE ON outcomes.grading_standard TO outcomes_writer;
GRANT SELECT, INSERT ON outcomes.grading_standard_version, outcomes.grading_standard_use TO outcomes_writer;
GRANT SELECT ON outcomes.grading_standard_history, outcomes.grading_standard_use_history TO outcomes_writer;
GRANT SELECT ON outcomes.grading_standard, outcomes.grading_standard_version, outcomes.grading_standard_history,
    outcomes.grading_standard_use, outcomes.grading_standard_use_history TO outcomes_reader;
GRANT EXECUTE ON FUNCTION
    outcomes.default_grading_scheme(),
    outcomes.grading_scheme_entries(jsonb),
    outcomes.normal_grading_scheme(jsonb),
    outcomes.grading_scheme_of_version_1(jsonb),
    outcomes.letter_grade(jsonb, numeric),
    outcomes.letter_score(jsonb, text, boolean, numeric),
    outcomes.points_percent(numeric, numeric),
    outcomes.effective_grading_standard(text, bigint, bigint, bigint, timestamptz)
TO outcomes_writer, outcomes_reader;
