"""The functions of `register_device`, a module for each kind of caller."""

import azure.functions as func

from register_device.triggers import (
    fleet,
    guests,
    installations,
    monitors,
    residents,
    staff,
    staff_support,
    support,
    workers,
)
from shared.http import Api


def blueprint(api: Api) -> func.Blueprint:
    """All functions of the package."""
    functions = func.Blueprint()
    for callers in (residents, installations, monitors, support, guests, staff, staff_support, fleet, workers):
        callers.register(api, functions)
    return functions
