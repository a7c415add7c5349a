-- A year of a partition that holds others too.
INSERT INTO {into}
SELECT *
  FROM {whole}
 WHERE event_time >= $1 AND event_time < $2
