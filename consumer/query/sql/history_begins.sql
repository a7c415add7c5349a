-- From when on history is whole, and from when on it is known what was known; null where nothing was retired.
SELECT history_begins() AS at, known_at_begins() AS known_at
