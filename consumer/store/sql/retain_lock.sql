-- Keeps writers out of the partitions that are being replaced. Only writers of such old versions wait; readers go on.
LOCK TABLE {tables} IN SHARE MODE
