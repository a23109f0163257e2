import time

import pytest
from azure.eventhub._pyamqp.utils import generate_sas_token  # what the SDK signs with

from local.eventhubs.access import KEY_NAME, KEY_VALUE, Grants, recognise, verify
from local.eventhubs.errors import AmqpError

KEYS = {KEY_NAME: KEY_VALUE}
HUB = "sb://127.0.0.1:5672/telemetry"


def test_a_token_grants_what_lies_below_its_resource() -> None:
    """A hub's token opens its partitions, and no other hub, even one whose name begins alike."""
    grants = Grants()
    grants.add(verify(generate_sas_token(HUB, KEY_NAME, KEY_VALUE), KEYS))
    grants.check("telemetry")
    grants.check("Telemetry/ConsumerGroups/$Default/Partitions/0")
    for other in ("telemetry2", "jobs", ""):
        with pytest.raises(AmqpError, match="Unauthorized"):
            grants.check(other)


def test_a_namespace_token_grants_every_hub() -> None:
    """The root key is for all hubs."""
    grants = Grants()
    grants.add(verify(generate_sas_token("sb://127.0.0.1:5672/", KEY_NAME, KEY_VALUE), KEYS))
    grants.check("telemetry")
    grants.check("jobs/Partitions/1")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (generate_sas_token(HUB, KEY_NAME, "another key"), "InvalidSignature"),
        (generate_sas_token(HUB, "AnotherName", KEY_VALUE), "InvalidSignature"),
        (generate_sas_token(HUB, KEY_NAME, KEY_VALUE).replace("telemetry", "jobs"), "InvalidSignature"),
        (generate_sas_token(HUB, KEY_NAME, KEY_VALUE, int(time.time()) - 1), "ExpiredToken"),
        ("SharedAccessSignature sr=x", "MalformedToken"),
        ("SharedAccessSignature sr=x&sig=y&se=soon&skn=z", "MalformedToken"),
        ("eyJhbGciOiJub25lIn0.e30.", "not a shared access signature"),
    ],
)
def test_a_wrong_token_is_refused(token: str, reason: str) -> None:
    """A forged, foreign, expired or broken token grants nothing, and says why."""
    with pytest.raises(AmqpError, match=reason):
        verify(token, KEYS)


def test_a_grant_ends_with_its_token() -> None:
    """What was granted once is not granted for ever."""
    grants = Grants()
    grants.add(verify(generate_sas_token(HUB, KEY_NAME, KEY_VALUE), KEYS)._replace(expires_at=int(time.time())))
    with pytest.raises(AmqpError, match="Unauthorized"):
        grants.check("telemetry")


def test_a_token_that_the_endpoint_was_told_grants_what_it_is_put_for() -> None:
    """And nothing else."""
    grants = Grants()
    grants.add(recognise("told", "sb://localhost/telemetry", ["another", "told"]))
    grants.check("telemetry/Partitions/1")
    with pytest.raises(AmqpError, match="Unauthorized"):
        grants.check("jobs")


@pytest.mark.parametrize("accepted", [[], ["told"]])
def test_any_other_token_of_an_identity_provider_is_refused(accepted: list[str]) -> None:
    """An endpoint that was told none accepts none: that would hide a client without a credential."""
    with pytest.raises(AmqpError, match="InvalidToken"):
        recognise("guessed", "sb://localhost/telemetry", accepted)


def test_a_token_for_nothing_in_particular_is_refused() -> None:
    """It must be said what it is for."""
    with pytest.raises(AmqpError, match="MalformedToken"):
        recognise("told", None, ["told"])
