"""The functions of staff who look after the fleet, and the timer that counts it."""

import logging
from http import HTTPStatus

import azure.functions as func

from register_device import fleet, fleet_figures, offers
from register_device.contract.fleet import FleetFigures
from register_device.contract.offers import AppOffer, FirmwareOffer, Offer, Offers
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call
from shared.jobs import Cursor, Kind, Lease
from shared.services import Services

OK = HTTPStatus.OK
FLEET = staff(Role.FLEET)

_log = logging.getLogger("blue.fleet")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "PUT",
        "staff/offers/firmware",
        admission=FLEET,
        body=FirmwareOffer,
        answers={OK: Offer},
        problems=("busy",),
    )
    async def offer_firmware(call: Call[Staff, FirmwareOffer]) -> Offer:
        """Put a firmware on offer for a model."""
        services = call.services
        return await offers.offer_firmware(call.body, offers=services.database["offers"], now=services.clock())

    @api.operation(
        functions, "PUT", "staff/offers/app", admission=FLEET, body=AppOffer, answers={OK: Offer}, problems=("busy",)
    )
    async def offer_app(call: Call[Staff, AppOffer]) -> Offer:
        """Put a version of the app on offer for a mobile operating system."""
        services = call.services
        return await offers.offer_app(call.body, offers=services.database["offers"], now=services.clock())

    @api.operation(functions, "GET", "staff/offers", admission=FLEET, answers={OK: Offers})
    async def list_offers(call: Call[Staff, None]) -> Offers:
        """List all versions on offer."""
        return Offers(offers=await offers.list_offers(offers=call.services.database["offers"]))

    @api.operation(
        functions,
        "GET",
        "staff/fleet",
        admission=FLEET,
        answers={OK: FleetFigures},
        problems=("date_invalid",),
        query={
            "date": "The day, as YYYY-MM-DD; without it the newest figures are answered.",
            "model": "Only monitors of this model.",
            "firmware": "Only monitors with this firmware version.",
            "region": "Only monitors that were made for this region.",
        },
    )
    async def get_fleet(call: Call[Staff, None]) -> FleetFigures:
        """How many monitors ran what on a day, and when they were last seen."""
        wanted = {name: value for name, value in call.query.items() if name != "date"}
        return await fleet.fleet_figures(
            call.query.get("date"), wanted, statistics=call.services.database["statistics"]
        )

    @functions.function_name("count_fleet")
    @functions.timer_trigger("timer", "0 20 1 * * *")
    async def count_fleet(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Start to count the fleet, once a day."""
        services = await api.services()
        job = await fleet_figures.start_counting(
            database=services.database, hub=services.hubs.jobs, now=services.clock()
        )
        _log.info("count of the fleet: %s", job["state"])

    api.job_kinds[fleet_figures.KIND] = Kind(_count_page)


async def _count_page(services: Services, lease: Lease) -> Cursor | None:
    return await fleet_figures.count_page(lease, database=services.database)
