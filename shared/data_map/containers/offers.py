"""`offers`: which versions are on offer, and nothing of anybody."""

from typing import Final

from shared.data_map.vocabulary import Category, Container, Field, Record, Source

_NAMES_NOBODY: Final = "which version is on offer to everybody; it names nobody"

_FIELDS: Final[dict[str, Field]] = {
    "product": Field(about="'firmware' or 'app'."),
    "version": Field(about="The version on offer.", source=Source.STAFF),
    "notes": Field(about="What is new in it.", source=Source.STAFF),
    "offeredAt": Field(about="Since when it is on offer.", unit="UTC"),
}

OFFERS: Final = Container(
    partition_key="product",
    records={
        "firmwareOffer": Record(
            container="offers",
            about="The firmware on offer for one model.",
            category=Category.DEVICE,
            export=None,
            export_note=_NAMES_NOBODY,
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=("everybody with such a device",),
            fields={**_FIELDS, "model": Field(about="The model.", source=Source.STAFF)},
        ),
        "appOffer": Record(
            container="offers",
            about="The version of the mobile application on offer for one mobile operating system.",
            category=Category.APP,
            export=None,
            export_note=_NAMES_NOBODY,
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=("everybody with the application",),
            fields={**_FIELDS, "os": Field(about="The mobile operating system.", source=Source.STAFF)},
        ),
    },
)
