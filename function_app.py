"""The function app: composes the three packages. Nothing is read, opened or built here."""

import azure.functions as func

import shared.collector  # noqa: F401 - for what it does to the imports below

# isort: split
import export_user_data.triggers
import ingest_telemetry.triggers
import register_device.triggers
from shared.http import Api
from shared.services import built_once

api = Api(built_once())
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(register_device.triggers.blueprint(api))
app.register_functions(ingest_telemetry.triggers.blueprint(api))
app.register_functions(export_user_data.triggers.blueprint(api))
