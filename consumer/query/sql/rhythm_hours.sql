-- In which of these hours a tenant's feed spoke: each table is asked by its index, up to the first event.
SELECT hour FROM unnest($2::timestamptz[]) AS asked (hour) WHERE {told}
