-- Rows of the access log, a column each; users are separated by blanks, which none of them has.
INSERT INTO access_log (root_account_uuid, at, kind, who, address, route, ids, users)
SELECT looked.tenant, looked.at, looked.kind, looked.who, looked.address, looked.route, looked.ids::jsonb, string_to_array(looked.users, ' ')
  FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS looked (tenant, at, kind, who, address, route, ids, users)
