"""The write side's Postgres: the only asyncpg there."""
