-- Attaches a table as a partition. Its CHECK and its indexes exist, so Postgres scans and builds nothing.
ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({lower}) TO ({upper});
ALTER TABLE {name} DROP CONSTRAINT bounds;
