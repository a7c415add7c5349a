-- Copies one year out of a partition that also holds others.
INSERT INTO {into}
SELECT *
  FROM {whole}
 WHERE event_time >= $1 AND event_time < $2
