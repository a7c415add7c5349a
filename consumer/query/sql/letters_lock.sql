-- One import or use at a time: each is compared with what held before, and must see what the last one wrote.
LOCK TABLE grading_standard IN SHARE ROW EXCLUSIVE MODE
