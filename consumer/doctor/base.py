"""The database: its server, our login, and its schema."""

from datetime import datetime

from consumer.doctor.checks import Check, attention, ok
from consumer.errors import Fatal
from consumer.settings import Settings
from consumer.store import schema
from consumer.store.postgres import Connection
from consumer.store.server import Server
from migrations import HEAD

MOST_SESSIONS = 0.9
MOST_SKEW_SECONDS = 30.0


def settings_of(server: Server, settings: Settings) -> Check:
    """Whether the server keeps what it confirms, takes writes, cleans up, and has room for sessions."""
    where = "" if settings.database_url else f" embedded in {settings.data_folder / 'postgres'}, for there is no DATABASE_URL"
    found = f"PostgreSQL {server.version}{where}, {server.sessions} of {server.most_sessions} sessions in use"
    if server.read_only:
        return attention(
            "database",
            f"{found}; it takes no writes: it is a standby, or default_transaction_read_only is on",
            "name the primary in DATABASE_URL, or ALTER SYSTEM SET default_transaction_read_only = off",
        )
    if server.switched_off:
        names = [setting.partition(" ")[0] for setting in server.switched_off]
        statements = "; ".join(f"ALTER SYSTEM SET {name} = on" for name in names)
        return attention("database", f"{found}; {', '.join(server.switched_off)}", f"{statements}; SELECT pg_reload_conf()")
    if server.sessions > MOST_SESSIONS * server.most_sessions:
        return attention("database", f"{found}: there will soon be none left", "raise max_connections, or end idle sessions")
    return ok("database", found)


async def roles(connection: Connection, server: Server) -> Check:
    """Whether the roles exist with all of their rights, and this login may write."""
    if server.missing_roles:
        missing = ", ".join(server.missing_roles)
        statements = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in server.missing_roles)
        return attention(
            "roles", f"there is no role {missing}", f"have an administrator run {statements} then `outcomes migrate`"
        )
    if lost := await schema.missing_grants(connection):
        more = f", and {len(lost) - 1:,} more are missing" if len(lost) > 1 else " is missing"
        return attention("roles", f"{lost[0]}{more}", "run `outcomes migrate` with the owner's login: it grants them again")
    if not server.writes:
        return attention(
            "roles",
            f"{server.login} is not in the role outcomes_writer: a worker or intake with this login cannot write",
            f"GRANT outcomes_writer TO {server.login}, or run this with the worker's login",
        )
    if not server.stages:
        return attention(
            "roles",
            f"{server.login} may not make temporary tables, which writing needs",
            f"GRANT TEMPORARY ON DATABASE {server.database} TO {server.login}",
        )
    return ok("roles", f"{server.login} may write, and the three roles have their rights")


def clock(server: Server, before: datetime, after: datetime) -> Check:
    """Whether this machine's clock and the database's agree. `before`, `after`: ours around the question."""
    skew = (server.now - (before + (after - before) / 2)).total_seconds()
    if abs(skew) > MOST_SKEW_SECONDS + (after - before).total_seconds():
        said = f"the database's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        return attention("clock", said, "let both machines follow a time server (NTP)")
    return ok("clock", "this machine's clock and the database's agree")


async def tables(connection: Connection) -> Check:
    """Whether the schema is this version's."""
    try:
        await schema.check(connection)
    except Fatal as error:  # its sentence names the fix
        found, _, advice = str(error).rpartition(": ")
        return attention("schema", found, advice)
    return ok("schema", f"schema {HEAD}, as this version needs it")
