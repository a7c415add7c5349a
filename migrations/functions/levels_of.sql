CREATE OR REPLACE FUNCTION outcomes_internal.levels_of(ratings jsonb)
RETURNS TABLE (points double precision[], descriptions text[], colors text[], mastery boolean[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT array_agg(p ORDER BY p, n DESC), array_agg(rating ->> 'description' ORDER BY p, n DESC),
           array_agg(rating ->> 'color' ORDER BY p, n DESC), array_agg(coalesce(rating -> 'mastery' = 'true', false) ORDER BY p, n DESC)
      FROM jsonb_array_elements(CASE jsonb_typeof(ratings) WHEN 'array' THEN ratings ELSE '[]' END) WITH ORDINALITY r (rating, n)
     CROSS JOIN LATERAL (SELECT outcomes_internal.number_of(rating -> 'points')) q (p)
     WHERE p IS NOT NULL AND rating ->> 'workflow_state' IS DISTINCT FROM 'deleted'
$$;
COMMENT ON FUNCTION outcomes_internal.levels_of IS
    'The ratings of a scale or criterion as arrays, lowest first, so that width_bucket(score, points) is the level. Of equal '
    'points the first in the list wins.';
