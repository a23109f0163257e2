"""`devices`: a monitor, the truth about its ownership, and what belongs to it."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES, YEAR
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

DEVICES: Final = Container(
    partition_key="deviceId",
    indexed=("type",),
    records={
        "device": Record(
            container="devices",
            about="A monitor, and who owns it now.",
            category=Category.DEVICE,
            export="device",
            visible_to=("the owner", "support staff"),
            fields={
                "deviceId": Field(about="Id of the device, derived from its serial number under a key."),
                "serialNumber": Field(about="Serial number.", source=Source.MONITOR),
                "macAddress": Field(about="Address of its network interface.", source=Source.MONITOR),
                "family": Field(about="Product family.", source=Source.MONITOR),
                "productType": Field(about="Product type.", source=Source.MONITOR),
                "subtype": Field(about="Product subtype.", source=Source.MONITOR),
                "model": Field(about="Model.", source=Source.MONITOR),
                "firmwareVersion": Field(about="Firmware version.", source=Source.MONITOR),
                "hardwareVersion": Field(about="Hardware version.", source=Source.MONITOR),
                "region": Field(about="Region it was made for.", source=Source.MONITOR),
                "manufacturedAt": Field(about="Manufacture date.", source=Source.MONITOR, unit="UTC"),
                "firstConnectedAt": Field(about="Date first connected; it never changes.", unit="UTC"),
                "updatedAt": Field(about="Last change of the device data.", unit="UTC"),
                "enrolmentGroup": Field(about="Which group key proved its make.", exported=False),
                "ownershipId": Field(about="The present period of ownership."),
                "ownerPersonId": Field(about="Random id of the present owner.", exported=False),
                "ownedSince": Field(about="Begin of the present period.", unit="UTC"),
            },
        ),
        "pastOwnership": Record(
            container="devices",
            about="A period of ownership that has ended.",
            category=Category.DEVICE,
            export="device",
            fields={
                "deviceId": Field(about="Id of the device."),
                "ownershipId": Field(about="The period of ownership."),
                "ownerPersonId": Field(about="Random id of the owner then.", exported=False),
                "since": Field(about="Begin of the period.", unit="UTC"),
                "until": Field(about="End of the period.", unit="UTC"),
            },
        ),
        "supportCase": Record(
            container="devices",
            about="A support case, or the question for one: while it is open, performance data is collected.",
            category=Category.PERFORMANCE,
            retention=2 * YEAR,
            dated_from="createdAt",
            export="device",
            visible_to=("the owner", "support staff"),
            fields={
                "deviceId": Field(about="Id of the device."),
                "caseId": Field(about="Id of the case."),
                "ownershipId": Field(about="The period of ownership it belongs to."),
                "askedBy": Field(about="Who wanted it: the owner, or support staff, who need the owner's agreement."),
                "purpose": Field(about="Why support staff asked for it."),
                "days": Field(about="How long it is open.", unit="d"),
                "createdAt": Field(about="When it was made: opened by the owner, or asked for by staff.", unit="UTC"),
                "openedAt": Field(about="When the owner opened it or agreed to it.", unit="UTC"),
                "caseExpiresAt": Field(about="When it closes by itself.", unit="UTC"),
                "declinedAt": Field(about="When the owner declined it.", unit="UTC"),
                "closedAt": Field(about="When it was closed.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
        "supportLog": Record(
            container="devices",
            about="The log of the mobile application that the owner gave with a support case.",
            category=Category.PERFORMANCE,
            retention=timedelta(days=90),
            dated_from="receivedAt",
            export="device",
            visible_to=("the owner", "support staff while the case is open"),
            fields={
                "deviceId": Field(about="Id of the device."),
                "caseId": Field(about="Id of the case."),
                "ownershipId": Field(about="The period of ownership it belongs to."),
                "receivedAt": Field(about="When the owner gave it.", unit="UTC"),
                "text": Field(
                    about="The log, without e-mail addresses, network addresses, phone numbers and access tokens.",
                    source=Source.APP,
                ),
                "takenOut": Field(about="How many of each of these were taken out before it was stored."),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
