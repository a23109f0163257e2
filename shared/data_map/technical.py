"""Technical information that varies by product: what is kept of it, and within which limits.

Everything else that a device says of itself is dropped, and counted: where it is (coordinates, city, flat), whose SIM
it has, its address in the home's network.
"""

from typing import Final

from shared.data_map.vocabulary import ReadingField

TECHNICAL: Final[dict[str, ReadingField]] = {
    "build": ReadingField(about="Build of the firmware.", type="text"),
    "firmwareRevision": ReadingField(
        about="Revision of the firmware, as a number.", type="integer", minimum=0, maximum=1e12
    ),
    "operatingSystem": ReadingField(about="Operating system of the monitor.", type="text"),
    "connection": ReadingField(about="How it is connected: wifi, ethernet, 4g.", type="text"),
    "wirelessSignal": ReadingField(
        about="Wireless signal when it registered: bars of 0 to 4 on Wi-Fi, percent on 4G.",
        type="number",
        minimum=0,
        maximum=100,
    ),
    "isWifiCapable": ReadingField(about="Whether it can use Wi-Fi.", type="flag"),
    "isNfcCapable": ReadingField(about="Whether it can read NFC.", type="flag"),
    "isBlueStream": ReadingField(about="Whether calls go through Blue's own streaming.", type="flag"),
    "isHighEndDevice": ReadingField(about="Whether it is of the high-end family.", type="flag"),
    "photocaller": ReadingField(about="Whether it can keep a picture of a call.", type="flag"),
    "connectable": ReadingField(about="Whether it can be connected to.", type="flag"),
    "divertService": ReadingField(about="Service that forwards its calls.", type="text"),
    "streamingMode": ReadingField(about="How it streams.", type="text"),
    "memoryTotalMb": ReadingField(about="Memory fitted.", type="number", unit="MB", minimum=0, maximum=1_048_576),
    "storageTotalMb": ReadingField(about="Storage fitted.", type="number", unit="MB", minimum=0, maximum=1_073_741_824),
    "doorCount": ReadingField(about="Doors that it can open.", type="integer", minimum=0, maximum=64),
}
