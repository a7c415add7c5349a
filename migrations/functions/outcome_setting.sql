CREATE OR REPLACE FUNCTION outcomes_internal.outcome_setting(
    scale_ratings jsonb, method_found boolean, found_method text, found_int integer, own_criterion jsonb, own_method text, own_int integer)
RETURNS TABLE (calculation_method text, calculation_int integer, points_possible double precision, mastery_points double precision,
               points double precision[], descriptions text[], colors text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT method.name, outcomes_internal.legal_int(method.name, method.number), scale.points_possible, scale.mastery_points,
           level.points, level.descriptions, level.colors
      FROM outcomes_internal.levels_of(coalesce(scale_ratings, own_criterion -> 'ratings')) level
     CROSS JOIN LATERAL (
        SELECT CASE WHEN method_found THEN found_method ELSE coalesce(own_method, 'highest') END,
               CASE WHEN method_found THEN found_int ELSE own_int END) method (name, number)
     CROSS JOIN LATERAL (
        SELECT level.points[cardinality(level.points)], level.points[array_position(level.mastery, true)]
         WHERE scale_ratings IS NOT NULL
         UNION ALL
        SELECT coalesce(own.points_possible, level.points[cardinality(level.points)]),
               coalesce(own.mastery_points, own.points_possible, level.points[cardinality(level.points)])
          FROM (SELECT outcomes_internal.number_of(own_criterion -> 'points_possible') AS points_possible,
                       outcomes_internal.number_of(own_criterion -> 'mastery_points') AS mastery_points) own
         WHERE scale_ratings IS NULL) scale (points_possible, mastery_points)
$$;
COMMENT ON FUNCTION outcomes_internal.outcome_setting IS
    'The method, points and levels that an outcome is computed with: those that were found for its context (mastery_setting), each'
    ' else its own.';
