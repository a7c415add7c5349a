-- Each change of one rollup, in time order, with the outcome's title of today.
SELECT t.*, o.title
  FROM mastery_timeline($1, $2, $3, $4) AS t
  LEFT JOIN learning_outcome AS o ON o.root_account_uuid = $1 AND o.id = $4
 ORDER BY t.at
