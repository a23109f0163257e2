"""Readings that a monitor may send: every kind with its fields, units and plausibility limits."""

from typing import Final

from shared.data_map.vocabulary import Category, ReadingField, ReadingKind

TEXT_LIMIT: Final = 500
"""Characters of a text field of a reading."""

_MB_LIMIT: Final = 1_073_741_824


def _text(about: str, *, required: bool = False, in_extra: bool = False) -> ReadingField:
    return ReadingField(about=about, type="text", required=required, in_extra=in_extra)


def _choice(about: str, *choices: str, required: bool = False, in_extra: bool = False) -> ReadingField:
    return ReadingField(about=about, type="choice", choices=choices, required=required, in_extra=in_extra)


def _number(about: str, unit: str, minimum: float, maximum: float, *, in_extra: bool = False) -> ReadingField:
    return ReadingField(about=about, type="number", unit=unit, minimum=minimum, maximum=maximum, in_extra=in_extra)


def _count(about: str, maximum: int, *, minimum: int = 0, in_extra: bool = False) -> ReadingField:
    return ReadingField(about=about, type="integer", minimum=minimum, maximum=maximum, in_extra=in_extra)


def _flag(about: str, *, in_extra: bool = False) -> ReadingField:
    return ReadingField(about=about, type="flag", in_extra=in_extra)


READINGS: Final[dict[str, ReadingKind]] = {
    "call": ReadingKind(
        category=Category.USAGE,
        about="A call from the door panel.",
        fields={
            "outcome": _choice("What became of the call.", "answered", "missed", "auto_on", required=True),
            "durationS": _number("Length of the call.", "s", 0, 86_400),
            "answeredOn": _choice("Where it was answered.", "monitor", "app"),
        },
    ),
    "door_opening": ReadingKind(
        category=Category.USAGE,
        about="The door was opened from the monitor or the app.",
        fields={
            "accessType": _choice("Which of the doors.", "GENERAL", "ZERO", "ONE"),
            "openedFrom": _choice("From where it was opened.", "monitor", "app"),
        },
    ),
    "feature_use": ReadingKind(
        category=Category.USAGE,
        about="A function of the monitor was used.",
        fields={
            "feature": _choice(
                "Which one.",
                "auto_on",
                "call_divert",
                "change_video_source",
                "do_not_disturb",
                "doormatic",
                "f1",
                "guard_call",
                "photocaller",
                "ringtone",
                required=True,
            ),
            "count": _count("How often since the last reading.", 1_000_000, minimum=1),
        },
    ),
    "system_health": ReadingKind(
        category=Category.PERFORMANCE,
        about="A sample of the monitor's processor, memory and environment.",
        fields={
            "cpuPercent": _number("Processor load.", "%", 0, 100),
            "memoryUsedMb": _number("Memory in use.", "MB", 0, 1_048_576),
            "memoryTotalMb": _number("Memory fitted.", "MB", 0, 1_048_576),
            "storageFreeMb": _number("Storage free.", "MB", 0, _MB_LIMIT),
            "storageTotalMb": _number("Storage fitted.", "MB", 0, _MB_LIMIT),
            "temperatureC": _number("Temperature inside the monitor.", "°C", -60, 150),
            "humidityPercent": _number("Humidity at the monitor.", "%", 0, 100),
            "uptimeS": _number("Time since the last start.", "s", 0, 3_153_600_000),
            "wifiRssiDbm": _number("Wi-Fi signal strength.", "dBm", -130, 0),
            "supplyVoltageV": _number("Supply voltage.", "V", 0, 300),
            "batteryPercent": _number("Charge of the battery.", "%", 0, 100, in_extra=True),
            "sdCardInserted": _flag("Whether there is an SD card.", in_extra=True),
            "sdCardFreeMb": _number("Storage free on the SD card.", "MB", 0, _MB_LIMIT, in_extra=True),
            "displayOnS": _number("Time that the display was on since then.", "s", 0, 604_800, in_extra=True),
            "websocketConnected": _flag("Whether the connection for calls is up.", in_extra=True),
        },
    ),
    "network_health": ReadingKind(
        category=Category.PERFORMANCE,
        about="A sample of the monitor's connection.",
        fields={
            "wifiRssiDbm": _number("Wi-Fi signal strength.", "dBm", -130, 0),
            "wifiSignalBars": _count("Wi-Fi signal as the monitor shows it.", 4),
            "linkRateMbps": _number("Rate of the link.", "Mbit/s", 0, 100_000),
            "latencyMs": _number("Time of an answer from the service.", "ms", 0, 600_000),
            "packetLossPercent": _number("Share of packets that were lost.", "%", 0, 100),
            "reconnectCount": _count("How often it was connected anew since the last reading.", 1_000_000),
            "mobileSignalPercent": _number("Mobile signal.", "%", 0, 100, in_extra=True),
        },
    ),
    "component_health": ReadingKind(
        category=Category.PERFORMANCE,
        about="How a part of hardware, firmware, software or application is.",
        fields={
            "layer": _choice(
                "What kind of part it is.", "hardware", "firmware", "software", "application", required=True
            ),
            "component": _text("The part.", required=True),
            "status": _choice("How it is.", "ok", "degraded", "failed", required=True),
            "restartCount": _count("How often it was started anew since the last reading.", 1_000_000),
            "cpuPercent": _number("Its processor load.", "%", 0, 100),
            "memoryUsedMb": _number("Its memory.", "MB", 0, 1_048_576),
        },
    ),
    "system_failure": ReadingKind(
        category=Category.PERFORMANCE,
        about="A failure of a part of the monitor.",
        fields={
            "component": _text("The part that failed.", required=True),
            "failureCode": _text("The part's own code of the failure."),
            "count": _count("How often since the last reading.", 1_000_000, minimum=1),
        },
    ),
    "event_log": ReadingKind(
        category=Category.PERFORMANCE,
        about="A line of the monitor's event log.",
        fields={
            "level": _choice("How serious it is.", "info", "warning", "error", required=True),
            "message": _text("What the monitor logged, without what is personal.", required=True),
            "component": _text("The part that logged it."),
        },
    ),
}
