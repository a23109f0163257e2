"""The HTTP functions of staff who look after the fleet."""

from http import HTTPStatus

import azure.functions as func

from register_device import offers
from register_device.contract.offers import AppOffer, FirmwareOffer, Offer, Offers
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call

OK = HTTPStatus.OK
FLEET = staff(Role.FLEET)


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
