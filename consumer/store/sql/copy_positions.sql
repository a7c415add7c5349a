-- A dry run begins where the projection stands.
INSERT INTO stream_position
SELECT *
  FROM outcomes.stream_position
