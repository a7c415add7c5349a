-- One record that was set aside, whole.
SELECT *
  FROM quarantine
 WHERE id = $1
