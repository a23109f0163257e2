"""Readings that a monitor may send: every kind with its fields, units and plausibility limits."""

from typing import Final

from shared.data_map.vocabulary import Category, ReadingField, ReadingKind

TEXT_LIMIT: Final = 500
"""Characters of a text field of a reading."""

READINGS: Final[dict[str, ReadingKind]] = {
    "call": ReadingKind(
        category=Category.USAGE,
        about="A call from the door panel.",
        fields={
            "outcome": ReadingField(
                about="What became of the call.",
                type="choice",
                choices=("answered", "missed", "auto_on"),
                required=True,
            ),
            "durationS": ReadingField(about="Length of the call.", type="number", unit="s", minimum=0, maximum=86_400),
        },
    ),
    "door_opening": ReadingKind(
        category=Category.USAGE,
        about="The door was opened from the monitor or the app.",
        fields={
            "accessType": ReadingField(about="Which of the doors.", type="choice", choices=("GENERAL", "ZERO", "ONE")),
        },
    ),
    "system_health": ReadingKind(
        category=Category.PERFORMANCE,
        about="A sample of the monitor's processor, memory and environment.",
        fields={
            "cpuPercent": ReadingField(about="Processor load.", type="number", unit="%", minimum=0, maximum=100),
            "memoryUsedMb": ReadingField(
                about="Memory in use.", type="number", unit="MB", minimum=0, maximum=1_048_576
            ),
            "memoryTotalMb": ReadingField(
                about="Memory fitted.", type="number", unit="MB", minimum=0, maximum=1_048_576
            ),
            "storageFreeMb": ReadingField(
                about="Storage free.", type="number", unit="MB", minimum=0, maximum=1_073_741_824
            ),
            "temperatureC": ReadingField(
                about="Temperature inside the monitor.", type="number", unit="°C", minimum=-60, maximum=150
            ),
            "uptimeS": ReadingField(
                about="Time since the last start.", type="number", unit="s", minimum=0, maximum=3_153_600_000
            ),
            "wifiRssiDbm": ReadingField(
                about="Wi-Fi signal strength.", type="number", unit="dBm", minimum=-130, maximum=0
            ),
        },
    ),
    "system_failure": ReadingKind(
        category=Category.PERFORMANCE,
        about="A failure of a part of the monitor.",
        fields={
            "component": ReadingField(about="The part that failed.", type="text", required=True),
            "failureCode": ReadingField(about="The part's own code of the failure.", type="text"),
            "count": ReadingField(
                about="How often since the last reading.", type="integer", minimum=1, maximum=1_000_000
            ),
        },
    ),
    "event_log": ReadingKind(
        category=Category.PERFORMANCE,
        about="A line of the monitor's event log.",
        fields={
            "level": ReadingField(
                about="How serious it is.", type="choice", choices=("info", "warning", "error"), required=True
            ),
            "message": ReadingField(about="What the monitor logged.", type="text", required=True),
        },
    ),
}
