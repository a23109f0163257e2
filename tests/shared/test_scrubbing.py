"""Scrubbing: what is personal goes, what support needs stays, and no text takes long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scrubbing import scrubbed

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtYXJpYSIsImVtYWlsIjoibUB4LmVzIn0.c2lnbmF0dXJl-_abc"
SIGNATURE = "3d0vQ2vE8hIzTtQ2s7c1%2BxK7q9mZl0aB4nC5pD6eF8%3D"
HEX = "3f25a0c5e7d1b2a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"
FCM = "dX8kQ2vE8hIzTtQ2s7c1xK:APA91bHq9mZl0aB4nC5pD6eF8_-gH1iJ2kL3mN4oP5qR6sT7uV8wX9yZ0"

PERSONAL = [
    ("maria@resident.example", "email", "[e-mail]"),
    ("maria.lopez+door@correo.example.es", "email", "[e-mail]"),
    ("maria%40resident.example", "email", "[e-mail]"),
    ("josé@peña.example", "email", "[e-mail]"),
    ("6123@192.168.1.20", "email", "[e-mail]"),
    ("0A:1B:2C:3D:4E:17", "mac", "[mac]"),
    ("0a-1b-2c-3d-4e-17", "mac", "[mac]"),
    ("0A%3A1B%3A2C%3A3D%3A4E%3A17", "mac", "[mac]"),
    ("0a1b.2c3d.4e17", "mac", "[mac]"),
    ("192.168.1.20", "ip", "[ip]"),
    ("8.8.8.8", "ip", "[ip]"),
    ("2001:db8::ff00:42:8329", "ip", "[ip]"),
    ("2001:0db8:0000:0000:0000:ff00:0042:8329", "ip", "[ip]"),
    ("fe80::1", "ip", "[ip]"),
    ("+34 600 123 456", "phone", "[phone]"),
    ("+34600123456", "phone", "[phone]"),
    ("+34-912-345-678", "phone", "[phone]"),
    ("0034600123456", "phone", "[phone]"),
    ("0034 600 12 34 56", "phone", "[phone]"),
    ("+44 (0)20 7946 0958", "phone", "[phone]"),
    ("+44 20 7946 0958", "phone", "[phone]"),
    ("+1 (415) 555-2671", "phone", "[phone]"),
    ("600123456", "phone", "[phone]"),
    ("600 123 456", "phone", "[phone]"),
    ("600 12 34 56", "phone", "[phone]"),
    ("91 123 45 67", "phone", "[phone]"),
    ("912-345-678", "phone", "[phone]"),
    ("600.123.456", "phone", "[phone]"),
    (JWT, "token", "[token]"),
    (f"Bearer {JWT}", "token", "Bearer [token]"),
    ("bearer 4f9a0c5e7d1b2a3c4d5e6f70", "token", "bearer [token]"),
    ("Basic dXNlcjpwYXNzd29yZDEyMw==", "token", "Basic [token]"),
    (f"sig={SIGNATURE}", "token", "sig=[token]"),
    ("SharedAccessKey=abcdefghijklmnopqrstuvwxyz0123456789+/ABCDE=", "token", "SharedAccessKey=[token]"),
    ('"access_token": "4f9a0c5e7d1b2a3c4d5e6f70"', "token", '"access_token": "[token]"'),
    (f"pushToken={FCM}", "token", "pushToken=[token]"),
    (f"fcm_token: {FCM}", "token", "fcm_token: [token]"),
    (FCM, "token", "[token]"),
    (f'"token":"{HEX}"', "token", '"token":"[token]"'),
    (f"deviceToken={HEX}", "token", "deviceToken=[token]"),
    ("session=s3f25c9a1b2", "token", "session=[token]"),
    ('"sessionId": "4f9a0c5e7d1b2a3c"', "token", '"sessionId": "[token]"'),
    ("client_secret=Q8w~7Kq.abcdefghijkl", "token", "client_secret=[token]"),
    ("x-functions-key: abcdefghijklmnop0123==", "token", "x-functions-key: [token]"),
    ("password=hunter2", "password", "password=[password]"),
    ('"password":"mi casa: 12"', "password", '"password":"[password]"'),
    ('{\\"wifiPassword\\":\\"mi casa\\"}', "password", '{\\"wifiPassword\\":\\"[password]\\"}'),
    ("passwd: s3cret!", "password", "passwd: [password]"),
    ("psk=a:b$c", "password", "psk=[password]"),
    ("ssid=CasaMaria", "network", "ssid=[network]"),
    ('SSID: "Casa de Maria"', "network", 'SSID: "[network]"'),
    (f"{HEX[:32]}.4f9a0c5e7d1b2a3c_-XYZabc01234567", "claim", "[claim]"),
    ("claim code ABCD-EFGH", "claim", "claim code [claim]"),
    ("claim=0A1B2C3D", "claim", "claim=[claim]"),
    ("claim ABCD-EFGH", "claim", "claim [claim]"),
    ('"claim": "ABCDEFGH"', "claim", '"claim": "[claim]"'),
    ("pairing code: abcd-1234", "claim", "pairing code: [claim]"),
    ("pairing with code ABCD-EFGH", "claim", "pairing with code [claim]"),
    ("wifiMac=001A2B3C4D5E", "mac", "wifiMac=[mac]"),
    ('"macAddress":"001a2b3c4d5e"', "mac", '"macAddress":"[mac]"'),
    ("bssid=0A:1B:2C:3D:4E:17", "mac", "bssid=[mac]"),
    ("lat=39.4699", "location", "lat=[location]"),
    ('"longitude": -0.3763', "location", '"longitude": [location]'),
    ("gpsLat: 39.46", "location", "gpsLat: [location]"),
    ("12345678Z", "id", "[id]"),
    ("12345678-A", "id", "[id]"),
    ("X1234567L", "id", "[id]"),
    ("ES9121000418450200051332", "iban", "[iban]"),
    ("ES91 2100 0418 4502 0005 1332", "iban", "[iban]"),
    ("DE89370400440532013000", "iban", "[iban]"),
    ('{\\"id_token\\":\\"4f9a0c5e7d1b2a3c4d5e6f70\\"}', "token", '{\\"id_token\\":\\"[token]\\"}'),
]

HARMLESS = [
    "2026-11-22T12:38:38.123Z",
    "2026-11-22T12:38:38.123+02:00",
    "2026-11-22 12:38:38,123 +1000",
    "20261122T123838Z",
    "12:38:38.612345",
    "firmware 3.2.1",
    "v1.2.3.4",
    "blue-app@3.2.1",
    "1.3.6.1.4.1.311.21.8",
    "PT1H30M5S",
    "took 612345678 ns",
    "612345678ms",
    "uptime=612345678",
    "uptimeMs: 612345678",
    '"uptime": 712345678',
    "free 812345678 bytes",
    "[612345.678901] wlan0: associated",
    "1795351118123",
    "1795351118",
    "0x80070005",
    "error 0x612345678",
    "errno=-110",
    "E_WIFI_00012345",
    "0000000000123456",
    "550e8400-e29b-41d4-a716-446655440000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "std::vector<int>",
    "dead::beef",
    "a::b",
    "rssi=-67 snr=31.5",
    "12.5 % of 512 MB",
    "wlan0@if5",
    "bearer established",
    "token: expired",
    "sig=11",
    "session started",
    "session: started at",
    "session=7",
    "key=VOLUME_UP",
    "error code: 0x80070005",
    "claim accepted",
    "claim failed, error code: 80070005",
    "claim 0x800700",
    "token refreshed",
    "token: 2026-11-22T12:38:38.123Z",
    "password accepted",
    "mac filter on",
    "latency=1.25",
    "lat=1.25ms",
    "flat=39.4699",
    "12345678B",
    "20261122Z",
    "AB12CDEFGHIJKLMNOP",
    "10:00-12:00",
]


@pytest.mark.parametrize(("value", "kind", "left"), PERSONAL)
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "of {} at",
        '{{"a":"{}"}}',
        "<{}>",
        "to={};",
        "a\r\n{}\n",
        "x\\n{}\\n",
        "({}).",
        "{}: busy",
        "call {} 12:30:01 2026-11-22",
    ],
)
def test_what_is_personal_is_taken_out(frame: str, value: str, kind: str, left: str) -> None:
    """Wherever it stands, and it is counted once under its kind."""
    assert scrubbed(frame.format(value)) == (frame.format(left), {kind: 1})


@pytest.mark.parametrize("value", HARMLESS)
@pytest.mark.parametrize("frame", ["{}", "at {} it", '{{"a":"{}"}}', "[{}] ", "{}, {}\r\n{}\r\n"])
def test_what_support_needs_stays(frame: str, value: str) -> None:
    """Times, versions, durations, sizes, codes and names, with every line end."""
    text = frame.format(value, value, value)
    assert scrubbed(text) == (text, {})


def test_a_line_of_a_log_keeps_all_but_what_is_personal() -> None:
    """Several kinds in one line, some of them twice."""
    line = (
        "2026-11-22T12:38:38.123Z E/sip 612345 call 600123456 -> maria@resident.example via 10.0.0.7:5060 "
        "(0A:1B:2C:3D:4E:17, fw 3.2.1) failed 0x80070005 after 1500 ms; retry 10.0.0.8\r\n"
    )
    assert scrubbed(line) == (
        line.replace("600123456", "[phone]")
        .replace("maria@resident.example", "[e-mail]")
        .replace("10.0.0.7", "[ip]")
        .replace("0A:1B:2C:3D:4E:17", "[mac]")
        .replace("10.0.0.8", "[ip]"),
        {"phone": 1, "email": 1, "ip": 2, "mac": 1},
    )


@pytest.mark.parametrize(
    "before", ["sms ", "call us ", "group ", "any time ", "after ", "used ", "sms=", "msisdn: ", "tel:"]
)
def test_a_word_that_only_ends_like_a_measure_hides_no_number(before: str) -> None:
    """Nor one that people use before the number of a phone."""
    assert scrubbed(f"{before}600123456") == (f"{before}[phone]", {"phone": 1})


@pytest.mark.parametrize(
    "before", ["uptime ", "lastSeq=", "free_heap: ", "ts=", '"errorCode":', "duration_ms ", "rss = -"]
)
def test_a_measure_stays_as_it_is(before: str) -> None:
    """Whatever number it has."""
    assert scrubbed(f"{before}612345678") == (f"{before}612345678", {})


WORDS = st.sampled_from(
    ["call", "ok", "door", "E/sip", "[612345.678]", "-67", "3.2.1", "2026-11-22T12:38:38.123Z", "0x80070005"]
)


@given(st.lists(WORDS, max_size=8), st.sampled_from(PERSONAL), st.lists(WORDS, max_size=8))
def test_neighbours_neither_hide_nor_suffer(
    before: list[str], personal: tuple[str, str, str], after: list[str]
) -> None:
    """Whatever a line says beside it."""
    value, kind, left = personal
    text = " | ".join([*before, value, *after])
    assert scrubbed(text) == (" | ".join([*before, left, *after]), {kind: 1})


@given(st.text(max_size=400))
def test_any_text_can_be_scrubbed(text: str) -> None:
    """Its lines stay lines, and what was taken out is counted."""
    left, counts = scrubbed(text)
    assert left.count("\n") == text.count("\n")
    assert left == text or counts.total() > 0


@given(st.text(alphabet=st.characters(categories=("L", "P", "Zs"), exclude_characters="@%:=.[]"), max_size=400))
def test_prose_stays_as_it_is(text: str) -> None:
    """Letters and punctuation without a sign of anything personal."""
    assert scrubbed(text) == (text, {})


@pytest.mark.parametrize(
    "part",
    ["a", "a@", "@a.", "a.", "a@a.", "eyJ", "eyJ_", "eyJ.", "0A:", "0a1b.", "1.", "::", "1:", "+1 ", "6 ", "600", "00",
     "sig=", "token=", "token:a:", "session=", "session=a", 'password="', "psk=a", "ssid:", "A:APA91", "claim",
     "claim ab", "claim code ", "mac=", "lat=1.", "X123", "ES91", "AB12C", "0a.",
     "bearer ", "key:", "%40", "\\n", "6 1 2 ", "+34 ", "-", "(1)", "ts=612345678 "],
)  # fmt: skip
def test_no_text_takes_long(part: str) -> None:
    """A log as long as one may be, of nothing but beginnings: a pattern that went back over it would never end."""
    scrubbed(part * (256 * 1024 // len(part)))
