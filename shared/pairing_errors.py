"""The pairing errors that residents see as a number, with what to tell them and what support should know.

The app shows error 1 when the phone does not get to the monitor, and error 3 for every failure of its registration.
"""

from dataclasses import dataclass
from typing import Final

PHONE_TO_MONITOR: Final = 1
REGISTRATION: Final = 3


@dataclass(frozen=True, slots=True)
class PairingText:
    """What residents read, in each language, and what support does."""

    en: str
    es: str
    support: str


PAIRING_TEXTS: Final[dict[int, PairingText]] = {
    PHONE_TO_MONITOR: PairingText(
        en=(
            "Error connecting to the Fermax device. Your phone could not connect to the access point of the "
            "monitor that is shown with its QR code. Check in the pairing menu of the monitor that a valid MAC "
            "address appears under the QR code, and try again beside the monitor."
        ),
        es=(
            "Error al conectar con el dispositivo Fermax. Su teléfono no ha podido conectarse al punto de acceso "
            "del monitor que se muestra con su código QR. Compruebe en el menú de emparejamiento del monitor que "
            "aparece una dirección MAC válida debajo del código QR e inténtelo de nuevo junto al monitor."
        ),
        support=(
            "It happens between phone and monitor: nothing of it reached this service. Check that a valid MAC "
            "appears under the QR code in the pairing menu, and that the phone may join the monitor's access "
            "point."
        ),
    ),
    REGISTRATION: PairingText(
        en=(
            "Error registering the device in the cloud. Restart the router and try again after a few minutes. "
            "Check the Wi-Fi coverage at the monitor. If the error stays, contact support with the firmware "
            "version of the monitor."
        ),
        es=(
            "Error al registrar el dispositivo en la nube. Reinicie el router e inténtelo de nuevo pasados unos "
            "minutos. Compruebe la cobertura Wi-Fi junto al monitor. Si el error continúa, contacte con soporte e "
            "indique la versión de firmware del monitor."
        ),
        support=(
            "The monitor did not get registered. Ask for its firmware version; the code of the problem document "
            "says why, and without one the monitor did not reach this service: router, internet access, Wi-Fi "
            "coverage."
        ),
    ),
}

PAIRING_NUMBERS: Final[dict[str, int]] = {
    "access_point_unreachable": PHONE_TO_MONITOR,
    "attestation_refused": REGISTRATION,
    "claim_unknown": REGISTRATION,
    "claim_expired": REGISTRATION,
    "claim_used": REGISTRATION,
    "claim_tries_used_up": REGISTRATION,
    "serial_mismatch": REGISTRATION,
}
"""Errors of the catalogue that belong to pairing. What can happen anywhere, such as `busy`, is an error 3 as well when
it happens to a registration: its problem document says so."""
