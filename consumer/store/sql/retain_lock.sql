-- Nobody adds to what is folded. Versions that old are rare; who has one waits, everybody else goes on, and reads all.
LOCK TABLE {tables} IN SHARE MODE
