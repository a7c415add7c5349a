"""Tokens for `outcomes serve`."""

import json

import pytest

from consumer.errors import UsageError
from consumer.rights import tokens
from consumer.serve.access import lookup
from consumer.store.postgres import connect
from tests.acceptance.running import outcomes, until
from tests.samples import TENANT
from tests.serve.serving import OTHER, Served, fill, served, token_for


def test_tokens_are_recognisable_and_never_the_same() -> None:
    """And they fit into a header as they are."""
    made = {tokens.new() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("outcomes_") and len(token) > 50 and token.isascii() for token in made)


async def test_only_a_digest_is_kept(database: str) -> None:
    """Whoever reads the table, or a backup of it, can open nothing."""
    token = await token_for(database, TENANT)
    connection = await connect(database)
    rows = await connection.fetch("SELECT api_token::text AS text, digest FROM api_token")
    await connection.close()
    assert token not in rows[0]["text"]
    assert token.removeprefix(tokens.PREFIX) not in rows[0]["text"]
    assert rows[0]["digest"] == tokens.digest(token)


@pytest.mark.parametrize("text", ["", " ", "x" * 256, "a\x1b[2J"])
async def test_a_name_that_nobody_can_read_is_refused(database: str, text: str) -> None:
    """Of a token, or of a tenant."""
    connection = await connect(database)
    for tenant, name in ((TENANT, text), (text, "name")):
        with pytest.raises(UsageError):
            await tokens.create(connection, tenant, name)
    await connection.close()


async def test_a_new_token_opens_at_once_and_a_revoked_one_nothing_within_seconds(database: str) -> None:
    """Also where the server has just seen it; requests meanwhile do not prolong it."""
    await fill(database)
    async with served(database) as server:
        token = await token_for(database, TENANT)
        assert (await server.ask("/api/v1/outcomes/1", token=token)).status == 200
        connection = await connect(database)
        listed = await tokens.listed(connection)
        revoked = await tokens.revoke(connection, listed[-1]["id"])
        assert revoked["revoked_at"] is not None
        assert await tokens.revoke(connection, listed[-1]["id"]) == revoked  # once more changes nothing
        await connection.close()
        await until(lambda: _is_refused(server, token), lookup.REMEMBERED_SECONDS + 2)
        assert (await server.ask("/api/v1/outcomes/1")).status == 200


async def _is_refused(server: Served, token: str) -> bool:
    return (await server.ask("/api/v1/outcomes/1", token=token)).status == 401


async def test_a_token_opens_its_own_tenant_alone(database: str) -> None:
    """Another tenant's token shows another school: here none, of which nothing can be found."""
    await fill(database)
    async with served(database, OTHER) as server:
        for path in ("/api/v1/outcomes/1", "/api/v1/accounts"):
            assert (await server.ask(path)).status == 404


async def test_the_commands_make_list_and_revoke(database: str) -> None:
    """The token is printed once; the list tells what each is for and whether it still opens."""
    await fill(database)
    code, out, _ = await outcomes("token", "create", "--name", "dashboard", "--json", DATABASE_URL=database)
    made = json.loads(out)
    assert (code, made["root_account_uuid"], made["name"]) == (0, TENANT, "dashboard")
    code, out, err = await outcomes("token", "create", "--tenant", OTHER, "--name", "two", DATABASE_URL=database)
    assert (code, out.startswith(tokens.PREFIX), "token 2" in err) == (0, True, True)
    code, out, _ = await outcomes("token", "revoke", str(made["id"]), DATABASE_URL=database)
    assert (code, "opens nothing" in out) == (0, True)
    code, out, _ = await outcomes("token", "list", "--json", DATABASE_URL=database)
    rows = json.loads(out)
    assert [(row["name"], row["root_account_uuid"], row["revoked_at"] is None) for row in rows] == [
        ("dashboard", TENANT, False),
        ("two", OTHER, True),
    ]
    assert made["token"] not in out
    code, out, _ = await outcomes("token", "list", DATABASE_URL=database)
    assert (code, "dashboard" in out) == (0, True)
    code, _, err = await outcomes("token", "revoke", "99", DATABASE_URL=database)
    assert (code, "no token 99" in err) == (2, True)
