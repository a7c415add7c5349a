CREATE OR REPLACE FUNCTION outcomes.default_grading_scheme() RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb '[{"name": "A", "value": 0.94}, {"name": "A-", "value": 0.90},
                   {"name": "B+", "value": 0.87}, {"name": "B", "value": 0.84}, {"name": "B-", "value": 0.80},
                   {"name": "C+", "value": 0.77}, {"name": "C", "value": 0.74}, {"name": "C-", "value": 0.70},
                   {"name": "D+", "value": 0.67}, {"name": "D", "value": 0.64}, {"name": "D-", "value": 0.61},
                   {"name": "F", "value": 0}]';
END;
COMMENT ON FUNCTION outcomes.default_grading_scheme IS
    'Canvas'' built-in scheme, for whatever uses no grading standard.';
