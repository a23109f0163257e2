"""The products that send data, with what each sends and how often as a rule: what buyers are told before they buy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often a product sends a kind of reading; an assumption about a usual home, and not a limit."""

    per_day: float
    every: timedelta | None = None
    """The interval of what is sampled; None for what is sent when it happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One model, or several that send the same."""

    name: str
    about: str
    models: tuple[str, ...]
    """What such monitors say of their model, in capitals."""
    rates: Mapping[str, Rate]


_SAMPLED: Final = timedelta(minutes=5)

_RATES: Final[dict[str, Rate]] = {
    "call": Rate(per_day=6),
    "door_opening": Rate(per_day=6),
    "feature_use": Rate(per_day=4),
    "system_health": Rate(per_day=288, every=_SAMPLED),
    "network_health": Rate(per_day=288, every=_SAMPLED),
    "component_health": Rate(per_day=24, every=timedelta(hours=1)),
    "system_failure": Rate(per_day=0.1),
    "event_log": Rate(per_day=100),
}

ANY_MONITOR: Final = "wifi-monitor"
"""The product of whoever has a model that is not declared by itself."""

PRODUCTS: Final[dict[str, Product]] = {
    "veo-wifi": Product(
        name="VEO WIFI",
        about="Video door entry monitor with Wi-Fi.",
        models=("VEO", "VEO WIFI"),
        rates=_RATES,
    ),
    "veo-xs-wifi": Product(
        name="VEO-XS WIFI",
        about="Small video door entry monitor with Wi-Fi.",
        models=("VEO-XS", "VEO-XS WIFI"),
        rates=_RATES,
    ),
    "veo-xl-wifi": Product(
        name="VEO-XL WIFI",
        about="Large video door entry monitor with Wi-Fi.",
        models=("VEO-XL", "VEO-XL WIFI"),
        rates=_RATES,
    ),
    ANY_MONITOR: Product(
        name="Wi-Fi monitor",
        about="Any other video door entry monitor that is connected to this service.",
        models=(),
        rates=_RATES,
    ),
}
"""By the name in the address of its data sheet."""


def product_of(model: str) -> str:
    """The product that a monitor is which says that it is of this model."""
    told = " ".join(model.upper().split())
    return next((name for name, product in PRODUCTS.items() if told in product.models), ANY_MONITOR)
