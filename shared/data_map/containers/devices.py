"""`devices`: a monitor, the truth about its ownership, and what belongs to it."""

from typing import Final

from shared.data_map.vocabulary import Category, Container, Field, Record, Source

DEVICES: Final = Container(
    partition_key="deviceId",
    indexed=("type", "deviceId"),
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
            about="A support case, during which performance data of the device is collected.",
            category=Category.PERFORMANCE,
            export="device",
            visible_to=("the owner", "support staff"),
            fields={
                "deviceId": Field(about="Id of the device."),
                "caseId": Field(about="Id of the case."),
                "ownershipId": Field(about="The period of ownership it belongs to."),
                "openedAt": Field(about="When it was opened.", unit="UTC"),
                "caseExpiresAt": Field(about="When it closes by itself.", unit="UTC"),
                "closedAt": Field(about="When it was closed.", unit="UTC"),
            },
        ),
    },
)
