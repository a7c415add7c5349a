-- A dry run starts from the positions of the projection.
INSERT INTO stream_position
SELECT *
  FROM outcomes.stream_position
