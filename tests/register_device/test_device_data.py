"""What devices say of themselves: real shapes, their nulls and their forms of time."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from register_device.contract.monitors import DeviceData
from shared.data_map import TECHNICAL

PAYLOADS = Path(__file__).parent.parent / "payloads"


def payload(name: str) -> dict[str, Any]:
    read = json.loads((PAYLOADS / f"{name}.json").read_text())
    found: dict[str, Any] = read[0] if isinstance(read, list) else read
    return found


def said(**fields: Any) -> DeviceData:
    return DeviceData.model_validate_json(json.dumps({"serialNumber": "VEO-000001"} | fields))


def test_a_panel_is_understood() -> None:
    """Its serial number, versions and manufacture date come under names of its own; where it is is not kept."""
    device = said(**payload("device_panels_v1"))
    assert device.serial_number == "1234567890abcdef12345678"
    assert (device.family, device.type, device.subtype) == ("PANEL", "CORA", "4G")
    assert (device.hardware_version, device.firmware_version) == ("01", None)
    assert device.manufactured_at == datetime(2025, 4, 17, 9, 20, 47, 367000, tzinfo=UTC)
    assert device.region == "ES"
    assert device.technical == {
        "build": "8",
        "connectable": True,
        "divertService": "blueStream",
        "photocaller": False,
        "wirelessSignal": 42,
    }
    kept = device.model_dump_json()
    assert not [word for word in ("Barcelona", "40.0", "iccid", "inst_example") if word in kept]
    assert device.ignored_fields >= 10


def test_a_wifi_monitor_is_understood() -> None:
    """It says neither its model nor its firmware."""
    device = said(**payload("device_v1_monitor_veo_wifi"))
    assert (device.family, device.type, device.subtype, device.model) == ("MONITOR", "VEO", "WIFI", None)
    assert device.technical is not None
    assert (device.technical["wirelessSignal"], device.technical["streamingMode"]) == (4, "video_call")


def test_a_pairing_is_understood_without_its_owner() -> None:
    """The address of a home and the e-mail of its owner are dropped."""
    device = said(**payload("pairings_me_v4_wifi"))
    kept = device.model_dump_json()
    assert not [word for word in ("user@example.com", "Your address", "userId") if word in kept]


def test_another_makers_monitor_is_understood() -> None:
    """Numbered hardware, and a name of its own for each."""
    device = said(serialNumber=None, **payload("cmp_2n_indoor_touch_status")["data"]["device"])
    assert (device.serial_number, device.firmware_version, device.hardware_version) == ("52-2101-0129", "4.2.0", "1")
    assert device.mac_address == "7C:1E:B3:03:3F:6B"
    assert device.technical == {"isNfcCapable": False, "isWifiCapable": True, "operatingSystem": "Android OS 6.0.1"}


@pytest.mark.parametrize(
    "written", ["2025-04-17T11:20:47.367+02:00", "2025-04-17T09:20:47.367Z", 1744881647367], ids=["offset", "Z", "ms"]
)
def test_three_forms_of_time_are_one_time(written: str | int) -> None:
    """ISO with an offset, ISO with Z, and milliseconds since 1970."""
    assert said(manufacturingDate=written).manufactured_at == datetime(2025, 4, 17, 9, 20, 47, 367000, tzinfo=UTC)


def test_null_is_not_known() -> None:
    """Every field but the serial number."""
    names = ["family", "type", "model", "firmwareVersion", "macAddress", "region", "manufacturedAt", *TECHNICAL]
    device = said(**dict.fromkeys(names))
    assert (device.model_dump(exclude_none=True), device.ignored_fields) == (
        {"serial_number": "VEO-000001", "ignored_fields": 0},
        0,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wirelessSignal", 101),
        ("wirelessSignal", "strong"),
        ("photocaller", 1),
        ("build", "x" * 121),
        ("firmwareRevision", 1.5),
        ("memoryTotalMb", -1),
        ("build", {"nested": 1}),
        ("undeclared", 1),
    ],
)
def test_technical_information_has_limits(name: str, value: Any) -> None:
    """What cannot be true is dropped and counted, and the monitor registers all the same."""
    for device in (said(**{name: value}), said(technical={name: value})):
        assert (device.technical, device.ignored_fields) == (None, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", 5),
        ("model", ["x"]),
        ("model", "x" * 121),
        ("macAddress", "N/A"),
        ("family", {}),
        ("manufacturedAt", "0000-00-00"),
        ("region", "39.4699,-0.3763 Calle Mayor"),
        ("region", "Valencia"),
    ],
)
def test_what_cannot_be_true_does_not_keep_a_monitor_from_registering(name: str, value: Any) -> None:
    """It is dropped and counted."""
    device = said(**{name: value})
    assert (device.model_dump()[to_snake(name)], device.ignored_fields) == (None, 1)


@pytest.mark.parametrize("region", ["ES", "es", "ES-V", "GB-SCT", "EU", "LATAM", "US-1"])
def test_a_region_is_a_country_a_part_of_one_or_a_market(region: str) -> None:
    """And never a place."""
    assert said(region=region).region == region


@pytest.mark.parametrize("serial_number", [None, "", "short", "x" * 65, 123456])
def test_a_serial_number_must_be_one(serial_number: Any) -> None:
    """It is what a device is known by."""
    with pytest.raises(ValidationError):
        said(serialNumber=serial_number)


def test_a_body_that_is_no_object_is_refused() -> None:
    """As any other."""
    with pytest.raises(ValidationError):
        DeviceData.model_validate_json("[]")
