"""What is measured against: the samples' pattern, one event and one upsert per reading, and an answer without work."""

import asyncio
import json
import os
import typing

import azure.functions as func
from azure.cosmos.aio import ContainerProxy, CosmosClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
containers: list[ContainerProxy] = []


@app.function_name("store_reading")
@app.event_hub_message_trigger("events", "telemetry", "EventHubs", cardinality=func.Cardinality.MANY)
async def store_reading(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006 - the worker knows no list[...]
    """Upsert every event as it is."""
    if not containers:
        client = CosmosClient(os.environ["BLUE_COSMOS_ENDPOINT"], os.environ["BLUE_COSMOS_KEY"])
        containers.append(client.get_database_client("reference").get_container_client("readings"))
    await asyncio.gather(*(containers[0].upsert_item(json.loads(event.get_body())) for event in events))


@app.route("accepted", methods=["POST"])
async def accepted(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - a binding's name
    """Answer 202 and do nothing else."""
    return func.HttpResponse(status_code=202)
