-- How many rows a table has, and two sums over the hashes of its rows: the same for the same rows in whatever order.
-- Without the columns that tell how a row arrived.
SELECT count(*) AS rows,
       coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint::numeric), 0) AS first,
       coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint::numeric), 0) AS second
  FROM (SELECT md5(ROW({columns})::text) AS hash
          FROM {table}) AS hashed
