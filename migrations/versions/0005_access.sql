-- Who may see what over HTTP: rights, sessions of people who have signed in, and the log of who looked at students. Until now a token was
-- a right to all of its tenant; from now on it opens what its rights say, and those that exist keep theirs.

CREATE TABLE outcomes.access_grant (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    who text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    scope_id bigint,
    names boolean NOT NULL,
    operations boolean NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT access_grant_one_row_per_grant PRIMARY KEY (id),
    CONSTRAINT access_grant_scope_is_known CHECK (scope IN ('tenant', 'account', 'course', 'section')),
    CONSTRAINT access_grant_scope_has_an_id CHECK ((scope_id IS NULL) = (scope = 'tenant')),
    CONSTRAINT access_grant_operations_are_of_a_tenant CHECK (NOT operations OR scope = 'tenant')
);
CREATE INDEX access_grant_by_whom ON outcomes.access_grant (root_account_uuid, kind, who) WHERE revoked_at IS NULL;
COMMENT ON TABLE outcomes.access_grant IS
    'Rights to see data over HTTP, of tokens and of people. Somebody may see what any of their rights covers, and nothing else.';
COMMENT ON COLUMN outcomes.access_grant.id IS 'Number for `outcomes access revoke`.';
COMMENT ON COLUMN outcomes.access_grant.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.access_grant.kind IS
    'What `who` is: token (its number), login, sis (an SIS id of a user) or uuid (of a user).';
COMMENT ON COLUMN outcomes.access_grant.who IS 'Whose right it is; logins in lower case. Personal.';
COMMENT ON COLUMN outcomes.access_grant.scope IS
    'tenant: all of it; account: one and all below it; course; section: its students alone.';
COMMENT ON COLUMN outcomes.access_grant.scope_id IS 'Local id of the account, course or section.';
COMMENT ON COLUMN outcomes.access_grant.names IS 'Whether names, logins and SIS ids are shown, where they are stored.';
COMMENT ON COLUMN outcomes.access_grant.operations IS 'Whether positions, lag, quarantine and the like are shown.';
COMMENT ON COLUMN outcomes.access_grant.granted_at IS 'When it was granted.';
COMMENT ON COLUMN outcomes.access_grant.revoked_at IS 'From when on it is none; null while it is one.';
INSERT INTO outcomes.access_grant (root_account_uuid, kind, who, scope, names, operations, granted_at)
SELECT root_account_uuid, 'token', id::text, 'tenant', true, false, created_at FROM outcomes.api_token;

CREATE TABLE outcomes.access_session (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    token_id bigint REFERENCES outcomes.api_token (id),
    login text COLLATE "C",
    sis_user_id text COLLATE "C",
    user_uuid text COLLATE "C",
    begun_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT access_session_one_row_per_session PRIMARY KEY (id),
    CONSTRAINT access_session_digest_is_of_one UNIQUE (digest),
    CONSTRAINT access_session_digest_is_sha256 CHECK (length(digest) = 32),
    CONSTRAINT access_session_is_of_somebody CHECK (num_nonnulls(token_id, login, sis_user_id, user_uuid) > 0)
);
CREATE INDEX access_session_by_end ON outcomes.access_session (expires_at);
COMMENT ON TABLE outcomes.access_session IS
    'Who has signed in with a browser, and until when. What a session shows are the rights that its person, or its token, has by then.';
COMMENT ON COLUMN outcomes.access_session.id IS 'Number of the session.';
COMMENT ON COLUMN outcomes.access_session.root_account_uuid IS 'The one tenant that it shows.';
COMMENT ON COLUMN outcomes.access_session.digest IS 'SHA-256 of the secret in the browser''s cookie.';
COMMENT ON COLUMN outcomes.access_session.token_id IS 'The token that was typed into the form; null for a person.';
COMMENT ON COLUMN outcomes.access_session.login IS 'The login that the identity provider told, in lower case. Personal.';
COMMENT ON COLUMN outcomes.access_session.sis_user_id IS 'The SIS id that the identity provider told. Personal.';
COMMENT ON COLUMN outcomes.access_session.user_uuid IS 'The uuid of the user that the identity provider told. Personal.';
COMMENT ON COLUMN outcomes.access_session.begun_at IS 'When the person signed in.';
COMMENT ON COLUMN outcomes.access_session.expires_at IS 'From when on it shows nothing.';
COMMENT ON COLUMN outcomes.access_session.ended_at IS 'When the person signed out, or somebody ended it; null until then.';
GRANT INSERT ON outcomes.access_session TO outcomes_serve;

CREATE TABLE outcomes.access_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_account_uuid text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    who text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    ids jsonb NOT NULL,
    users text[] COLLATE "C" NOT NULL,
    CONSTRAINT access_log_one_row_per_look PRIMARY KEY (id)
);
CREATE INDEX access_log_by_time ON outcomes.access_log (at);
COMMENT ON TABLE outcomes.access_log IS 'Who looked at students'' data over HTTP: a row for each answer that can show some.';
COMMENT ON COLUMN outcomes.access_log.id IS 'Number of the row.';
COMMENT ON COLUMN outcomes.access_log.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.access_log.at IS 'When it was answered.';
COMMENT ON COLUMN outcomes.access_log.kind IS 'What `who` is: token, login, sis or uuid, as in access_grant.';
COMMENT ON COLUMN outcomes.access_log.who IS 'Who looked: the number of a token, or what names the person. Personal.';
COMMENT ON COLUMN outcomes.access_log.address IS 'From which address: the client''s, where a trusted proxy tells it. Personal.';
COMMENT ON COLUMN outcomes.access_log.route IS 'What was asked, as a path of the reference.';
COMMENT ON COLUMN outcomes.access_log.ids IS 'What the path named, such as the course; without people.';
COMMENT ON COLUMN outcomes.access_log.users IS
    'The people that the request named, as it named them; none: all that the answer covers. Personal.';
GRANT INSERT ON outcomes.access_log TO outcomes_serve;
