CREATE OR REPLACE FUNCTION outcomes_internal.whole_second("time" timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN "time" = "time"::timestamptz(0) THEN "time" ELSE date_trunc('second', "time") END
$$;
COMMENT ON FUNCTION outcomes_internal.whole_second IS
    'A time cut to whole seconds, as results are ordered; fast for those that are whole already, which is what Canvas writes.';
