"""Requests about the account, databases, containers, their one partition range, and offers."""

from http import HTTPStatus
from typing import Any, Final

from local.cosmos import charges, values
from local.cosmos.catalogue import Catalogue
from local.cosmos.containers import Container
from local.cosmos.exchange import Answer, Exchange, feed
from local.cosmos.failures import Failure, bad_request, not_found, unsupported
from local.cosmos.sql.evaluation import Context
from local.cosmos.sql.parser import parse
from local.cosmos.sql.select import Select
from local.cosmos.values import Json

_RANGES_ETAG: Final = '"1"'
_METHOD: Final = "This method on this resource"


class Resources:
    """Everything but items."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def account(self, exchange: Exchange) -> Answer:
        """`GET /`: where the account's regions are, namely here."""
        regions = [{"name": "Local", "databaseAccountEndpoint": exchange.origin}]
        body = {
            "_self": "",
            "id": "local",
            "_rid": "local",
            "_dbs": "//dbs/",
            "media": "//media/",
            "addresses": "//addresses/",
            "writableLocations": regions,
            "readableLocations": regions,
            "enableMultipleWriteLocations": False,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 1},
            "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
            "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
            "queryEngineConfiguration": "{}",
        }
        return Answer.of_json("account", body)

    def databases(self, exchange: Exchange) -> Answer:
        """`/dbs`: create, list, query."""
        if exchange.method == "POST" and not exchange.is_query:
            if exchange.header("x-ms-offer-throughput") or exchange.header("x-ms-cosmos-offer-autopilot-settings"):
                raise unsupported("Throughput of a database (give it to its containers)")
            database = self._catalogue.create_database(exchange.json)
            return _answer("databases.create", database.body, HTTPStatus.CREATED)
        bodies = [database.body for database in self._catalogue.databases]
        return _listed(exchange, "databases.list", "Databases", "", bodies)

    def database(self, exchange: Exchange) -> Answer:
        """`/dbs/{id}`: read, delete."""
        name = exchange.path[1]
        if exchange.method == "GET":
            return _answer("databases.read", self._catalogue.database(name).body)
        if exchange.method == "DELETE":
            self._catalogue.delete_database(name)
            return Answer("databases.delete", HTTPStatus.NO_CONTENT, charge=charges.METADATA)
        raise unsupported(_METHOD)

    def containers(self, exchange: Exchange) -> Answer:
        """`/dbs/{id}/colls`: create, list, query."""
        database = self._catalogue.database(exchange.path[1])
        if exchange.method == "POST" and not exchange.is_query:
            container = self._catalogue.create_container(exchange.path[1], exchange.json, *_throughput(exchange))
            return _answer("containers.create", container.body, HTTPStatus.CREATED)
        bodies = [container.body for container in database.containers.values()]
        return _listed(exchange, "containers.list", "DocumentCollections", database.body["_rid"], bodies)

    def container(self, exchange: Exchange) -> Answer:
        """`/dbs/{id}/colls/{id}`: read, replace, delete."""
        container = self._catalogue.container(exchange.path[1], exchange.path[3])
        if exchange.method == "GET":
            return _answer("containers.read", container.body)
        if exchange.method == "PUT":
            self._catalogue.replace_container(container, exchange.json, exchange.header("if-match"))
            return _answer("containers.replace", container.body)
        if exchange.method == "DELETE":
            self._catalogue.delete_container(container)
            return Answer("containers.delete", HTTPStatus.NO_CONTENT, charge=charges.METADATA)
        raise unsupported(_METHOD)

    def ranges(self, exchange: Exchange) -> Answer:
        """`/dbs/{id}/colls/{id}/pkranges`: one physical partition, which never changes."""
        container = self._catalogue.container(exchange.path[1], exchange.path[3])
        headers = {"etag": _RANGES_ETAG}
        if exchange.headers.get("if-none-match") == _RANGES_ETAG:
            return Answer("ranges.read", HTTPStatus.NOT_MODIFIED, headers=headers)
        body = {"_rid": container.rid, "PartitionKeyRanges": [_range(container)], "_count": 1}
        return Answer("ranges.read", body=values.dump(body), headers=headers)

    def offers(self, exchange: Exchange) -> Answer:
        """`/offers`: the throughput of containers that have some."""
        bodies = [_offer(container) for container in self._catalogue.containers if _provisioned(container)]
        return _listed(exchange, "offers.list", "Offers", "", bodies)

    def offer(self, exchange: Exchange) -> Answer:
        """`/offers/{rid}`: read, replace."""
        container = next((each for each in self._catalogue.containers if each.rid == exchange.path[1]), None)
        if container is None or not _provisioned(container):
            raise not_found("Offer does not exist.")
        if exchange.method == "PUT":
            self._catalogue.set_throughput(container, *_content(exchange.json))
        elif exchange.method != "GET":
            raise unsupported(_METHOD)
        return _answer("offers.replace" if exchange.method == "PUT" else "offers.read", _offer(container))


def _answer(operation: str, body: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Answer:
    answer = Answer.of_json(operation, body, status, charges.METADATA)
    answer.headers["etag"] = body["_etag"]
    return answer


def _listed(exchange: Exchange, operation: str, name: str, rid: str, bodies: list[dict[str, Any]]) -> Answer:
    if exchange.method != "GET" and not exchange.is_query:
        raise unsupported(_METHOD)
    found = _queried(exchange, bodies) if exchange.is_query else bodies
    return Answer(operation, body=feed(name, rid, list(map(values.dump, found))), charge=charges.METADATA)


def _queried(exchange: Exchange, bodies: list[dict[str, Any]]) -> list[Json]:
    """A query over definitions, which are few: all of them in one page."""
    text, parameters = exchange.query
    query = parse(text)
    select = Select(query)
    if select.grouped or query.order or query.distinct or query.top is not None or query.limit is not None:
        raise unsupported("Anything but SELECT, FROM and WHERE in a query over databases, containers or offers")
    context = Context(parameters, int(exchange.now * 1000))
    rows = [row for body in bodies for row in select.frames((context, body))]
    return [value for row in rows if (value := select.project(row)) is not values.UNDEFINED]


def _range(container: Container) -> dict[str, Json]:
    return {
        "_rid": container.rid,
        "id": "0",
        "_etag": _RANGES_ETAG,
        "minInclusive": "",
        "maxExclusive": "FF",
        "ridPrefix": 0,
        "_self": f"{container.self_link}pkranges/0/",
        "throughputFraction": 1,
        "status": "online",
        "parents": [],
        "ownedArchivalPKRangeIds": [],
        "_ts": container.body["_ts"],
    }


def _provisioned(container: Container) -> bool:
    return container.throughput is not None or container.autoscale is not None


def _offer(container: Container) -> dict[str, Json]:
    content: dict[str, Json] = {"offerThroughput": container.throughput}
    if container.autoscale is not None:
        content = {
            "offerThroughput": container.autoscale // 10,
            "offerAutopilotSettings": {"maxThroughput": container.autoscale},
        }
    return {
        "id": container.rid,
        "_rid": container.rid,
        "_self": f"offers/{container.rid}/",
        "_etag": container.body["_etag"],
        "_ts": container.body["_ts"],
        "resource": container.self_link,
        "offerResourceId": container.rid,
        "offerVersion": "V2",
        "offerType": "Invalid",
        "content": content,
    }


def _throughput(exchange: Exchange) -> tuple[int | None, int | None]:
    settings = exchange.header("x-ms-cosmos-offer-autopilot-settings")
    try:
        autoscale = values.load(settings.encode())["maxThroughput"] if settings else None
    except (ValueError, TypeError, KeyError):
        raise _bad_throughput() from None
    return _checked(exchange.number("x-ms-offer-throughput"), autoscale)


def _content(body: Json) -> tuple[int | None, int | None]:
    content = body.get("content") if isinstance(body, dict) else None
    if not isinstance(content, dict):
        raise _bad_throughput()
    autoscale = (content.get("offerAutopilotSettings") or {}).get("maxThroughput")
    return _checked(None if autoscale else content.get("offerThroughput"), autoscale)


def _checked(throughput: Json, autoscale: Json) -> tuple[int | None, int | None]:
    if any(value is not None and (type(value) is not int or value <= 0) for value in (throughput, autoscale)):
        raise _bad_throughput()
    return throughput, autoscale


def _bad_throughput() -> Failure:
    return bad_request("The throughput must be a positive number of request units a second.")
