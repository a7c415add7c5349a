-- The percentage of a letter.
SELECT letter_score($1::jsonb, $2, $3, $4)
