-- One record with all its columns.
SELECT *
  FROM quarantine
 WHERE id = $1
