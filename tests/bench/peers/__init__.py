"""The sinks that people would use instead, each with its best documented settings and the input it likes, beside ours."""
