"""The projection over HTTP: in Canvas' shapes and paths, and its history under a prefix of its own."""
