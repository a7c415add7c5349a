"""Pages for people: HTML from the projection, without scripts that must run."""
