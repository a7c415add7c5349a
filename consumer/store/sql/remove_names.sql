-- Takes the names of people out of the projection; returns of how many people.
SELECT outcomes_internal.remove_names()
