"""Alembic's entry: runs on a connection that `consumer.store.schema` hands over, inside its transaction and lock."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="outcomes")
with context.begin_transaction():
    context.run_migrations()
