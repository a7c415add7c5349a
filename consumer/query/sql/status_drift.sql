-- Members that Canvas sends and this projection does not know.
SELECT event_name, member, sum(events)::bigint AS events
  FROM unknown_member
 GROUP BY event_name, member
 ORDER BY events DESC, event_name, member
