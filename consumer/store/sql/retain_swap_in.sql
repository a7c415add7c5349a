-- A table becomes a partition: its CHECK and its indexes are there already, so nothing is read and nothing built.
ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({lower}) TO ({upper});
ALTER TABLE {name} DROP CONSTRAINT bounds;
