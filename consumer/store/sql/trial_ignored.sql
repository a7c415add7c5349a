-- Events that were applied and taken out count as ignored, under a name of their own.
INSERT INTO ignored_event AS known (source, partition, event_name, events)
VALUES ($1, $2, '(trial)', $3)
    ON CONFLICT (source, partition, event_name) DO UPDATE SET events = known.events + excluded.events
