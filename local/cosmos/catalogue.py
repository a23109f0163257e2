"""Databases, containers and their provisioned throughput: kept in memory, written through to the file."""

import os
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from local.cosmos import values
from local.cosmos.containers import (
    Container,
    check_id,
    container_bytes,
    database_bytes,
    definition,
    resource_id,
)
from local.cosmos.failures import bad_request, conflict, owner_not_found, precondition_failed
from local.cosmos.store import Store
from local.cosmos.values import Json

_TAKEN: Final = "Resource with specified id or name already exists."
_FEEDS: Final = ("_docs", "_sprocs", "_triggers", "_udfs", "_conflicts")
_IMMUTABLE: Final = ("id", "partitionKey", "uniqueKeyPolicy")


class Database:
    """A database and its containers."""

    def __init__(self, number: int, body: dict[str, Any]) -> None:
        self.number = number
        self.body = body
        self.containers: dict[str, Container] = {}


class Catalogue:
    """All databases. Resources are found by id, and by `_rid` as some requests of the clients name them."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._databases: dict[str, Database] = {}
        self.load()

    def load(self) -> None:
        """Take everything from the file, in the place of what is known."""
        self._databases.clear()
        connection = self._store.connection
        by_number: dict[int, Database] = {}
        for number, body in connection.execute("SELECT number, body FROM databases"):
            database = by_number[number] = Database(number, values.load(body))
            self._databases[database.body["id"]] = database
        for number, owner, body, throughput, autoscale, lsn in connection.execute(
            "SELECT number, database, body, throughput, autoscale, coalesce(lsn, 0) FROM containers "
            "LEFT JOIN sequences ON container = number"
        ):
            database = by_number[owner]
            container = Container(number, database.body["id"], values.load(body), lsn)
            container.throughput, container.autoscale = throughput, autoscale
            database.containers[container.id] = container

    @property
    def databases(self) -> list[Database]:
        """All databases."""
        return list(self._databases.values())

    @property
    def containers(self) -> list[Container]:
        """All containers of all databases."""
        return [container for database in self.databases for container in database.containers.values()]

    def database(self, name: str) -> Database:
        """The database with this id or `_rid`.

        Raises:
            Failure: there is none.
        """
        found = self._databases.get(name)
        if found is None:
            found = next((database for database in self.databases if database.body["_rid"] == name), None)
        if found is None:
            raise owner_not_found(f"Database '{name}' does not exist.")
        return found

    def container(self, database: str, name: str) -> Container:
        """The container with this id or `_rid`.

        Raises:
            Failure: there is none, or no such database.
        """
        containers = self.database(database).containers
        found = containers.get(name)
        if found is None:
            found = next((container for container in containers.values() if container.rid == name), None)
        if found is None:
            raise owner_not_found(f"Container '{name}' does not exist.")
        return found

    def create_database(self, body: Json) -> Database:
        """Make a database.

        Raises:
            Failure: its id is taken or no id.
        """
        name = check_id(body)
        if name in self._databases:
            raise conflict(_TAKEN)
        with self._store.transaction() as connection:
            number = _inserted(connection.execute("INSERT INTO databases (body) VALUES (x'')").lastrowid)
            rid = resource_id(database_bytes(number))
            full = {"id": name, **self._system(rid, f"dbs/{rid}/"), "_colls": "colls/", "_users": "users/"}
            connection.execute("UPDATE databases SET body = ? WHERE number = ?", (values.dump(full), number))
        self._databases[name] = Database(number, full)
        return self._databases[name]

    def delete_database(self, name: str) -> None:
        """Delete a database with its containers; the sweep clears their items away."""
        database = self.database(name)
        with self._store.transaction() as connection:
            for container in database.containers.values():
                _abandon(connection, container)
            connection.execute("DELETE FROM databases WHERE number = ?", (database.number,))
        del self._databases[database.body["id"]]

    def create_container(
        self, database_name: str, body: Json, throughput: int | None, autoscale: int | None
    ) -> Container:
        """Make a container.

        Raises:
            Failure: its id is taken, or its definition is wrong or not supported.
        """
        database = self.database(database_name)
        full = definition(body)
        if full["id"] in database.containers:
            raise conflict(_TAKEN)
        with self._store.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO containers (database, body, throughput, autoscale) VALUES (?, x'', ?, ?)",
                (database.number, throughput, autoscale),
            )
            number = _inserted(cursor.lastrowid)
            rid = resource_id(database_bytes(database.number), container_bytes(number))
            full |= self._system(rid, f"{database.body['_self']}colls/{rid}/")
            full |= {name: f"{name[1:]}/" for name in _FEEDS}
            connection.execute("UPDATE containers SET body = ? WHERE number = ?", (values.dump(full), number))
            container = Container(number, database.body["id"], full, 0)
        container.throughput, container.autoscale = throughput, autoscale
        database.containers[container.id] = container
        return container

    def replace_container(self, container: Container, body: Json, if_match: str | None) -> None:
        """Give a container another definition; what its partitioning rests on must stay.

        Raises:
            Failure: the definition is wrong or changes what it must not, or another ETag was asked for.
        """
        if if_match not in (None, "*", container.body["_etag"]):
            raise precondition_failed()
        full = definition(body)
        for name in _IMMUTABLE:
            if name in body and full[name] != container.body.get(name):
                raise bad_request(f"Property '{name}' of a container cannot be changed.")
        kept = {name: container.body[name] for name in (*_IMMUTABLE, *_FEEDS) if name in container.body}
        full |= kept | self._system(container.rid, container.self_link)
        changed_ttl = full.get("defaultTtl") != container.body.get("defaultTtl")
        with self._store.transaction() as connection:
            connection.execute("UPDATE containers SET body = ? WHERE number = ?", (values.dump(full), container.number))
            if changed_ttl:
                connection.execute(_EXPIRE_ANEW, {"default": full.get("defaultTtl"), "container": container.number})
        container.define(full)

    def delete_container(self, container: Container) -> None:
        """Delete a container; the sweep clears its items away."""
        with self._store.transaction() as connection:
            _abandon(connection, container)
        del self.database(container.database).containers[container.id]

    def set_throughput(self, container: Container, throughput: int | None, autoscale: int | None) -> None:
        """Provision other throughput."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE containers SET throughput = ?, autoscale = ? WHERE number = ?",
                (throughput, autoscale, container.number),
            )
        container.throughput, container.autoscale = throughput, autoscale

    def _system(self, rid: str, self_link: str) -> dict[str, Any]:
        etag = f'"{os.urandom(4).hex()}-0000-0000-0000-{os.urandom(6).hex()}"'
        return {"_rid": rid, "_self": self_link, "_etag": etag, "_ts": int(self._clock())}


_EXPIRE_ANEW: Final = """
UPDATE documents SET expires = CASE
  WHEN :default IS NULL OR coalesce(ttl, :default) < 0 THEN NULL
  ELSE ts + coalesce(ttl, :default)
END
WHERE container = :container
"""


def _abandon(connection: sqlite3.Connection, container: Container) -> None:
    connection.execute("DELETE FROM containers WHERE number = ?", (container.number,))
    connection.execute("INSERT INTO deleted_containers VALUES (?)", (container.number,))


def _inserted(row: int | None) -> int:
    assert row is not None  # noqa: S101  # sqlite3 types the row of any statement, and this was an INSERT
    return row
