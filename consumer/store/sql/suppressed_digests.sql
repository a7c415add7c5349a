-- Which of these digests are suppressed.
SELECT digest
  FROM suppression
 WHERE digest = ANY ($1::bytea[])
