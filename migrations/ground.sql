-- What steps, functions and views stand on. It runs before them, and may run again.

-- Roles belong to the whole cluster: another database may have made them already, or may be making them now.
DO $roles$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['outcomes_writer', 'outcomes_reader', 'outcomes_people', 'outcomes_serve'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL; -- made by a migration of another database at this moment
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'role % is missing and may not be created here', role
                        USING HINT = format('Have an administrator run CREATE ROLE %I NOLOGIN, then migrate again.', role),
                              ERRCODE = 'insufficient_privilege';
            END;
        END IF;
    END LOOP;
END
$roles$;
GRANT USAGE ON SCHEMA outcomes, outcomes_internal TO outcomes_writer, outcomes_reader, outcomes_people, outcomes_serve;

CREATE TABLE IF NOT EXISTS outcomes_internal.applied_file (
    name text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT applied_file_one_row_per_object PRIMARY KEY (name)
);
COMMENT ON TABLE outcomes_internal.applied_file IS
    'The functions and views that `outcomes migrate` has made of files: it makes those again whose file has changed since.';
COMMENT ON COLUMN outcomes_internal.applied_file.name IS 'Schema and name of the function or view.';
COMMENT ON COLUMN outcomes_internal.applied_file.kind IS 'FUNCTION or VIEW.';
COMMENT ON COLUMN outcomes_internal.applied_file.digest IS 'SHA-256 of the file.';
COMMENT ON COLUMN outcomes_internal.applied_file.applied_at IS 'When it was last made.';
GRANT SELECT ON outcomes_internal.applied_file TO outcomes_writer, outcomes_reader;
