"""Settings are parsed once; a missing or forbidden one is a good sentence."""

import base64
import json

import pytest

from shared.settings import Settings, SettingsUnusable, load_settings
from tests.keys import signing_jwks, symmetric_jwks

SECRET = "not-to-be-repeated-anywhere"
GROUP_KEY = base64.b64encode(bytes(range(32))).decode()
ENVIRONMENT = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "BLUE_COSMOS_ENDPOINT": "http://127.0.0.1:8081",
    "BLUE_COSMOS_KEY": SECRET,
    "EventHubs": f"Endpoint=sb://127.0.0.1;SharedAccessKey={SECRET}",
    "BLUE_BLOB_CONNECTION": f"AccountKey={SECRET}",
    "BLUE_SIGN_IN_ISSUER": "http://127.0.0.1:8090",
    "BLUE_IDENTITY_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
    "BLUE_DEVICE_TOKEN_KEYS": json.dumps(symmetric_jwks()),
    "BLUE_EXPORT_KEYS": json.dumps(signing_jwks()),
    "BLUE_VAULT_KEYS": json.dumps(symmetric_jwks("dev-vault")),
    "BLUE_ENROLMENT_GROUPS": json.dumps({"veo-wifi-2026": [GROUP_KEY]}),
    "BLUE_SMTP_URL": "smtp://127.0.0.1:1025",
    "BLUE_MAIL_FROM": "no-reply@blue.example",
    "BLUE_CONTROLLER": json.dumps(
        {"name": "Blue", "postalAddress": "Calle de Ejemplo 1, Valencia", "privacyContact": "privacy@blue.example"}
    ),
    "BLUE_STORAGE_PLACE": "This machine",
}
DEPLOYED = {
    "BLUE_COSMOS_ENDPOINT": "https://blue.documents.example",
    "EventHubs__fullyQualifiedNamespace": "blue.servicebus.example",
    "BLUE_BLOB_ACCOUNT_URL": "https://blue.blob.example",
    "BLUE_SIGN_IN_ISSUER": "https://blue.sign-in.example",
    "BLUE_DEVICE_TOKEN_KEYS": json.dumps(symmetric_jwks("2026-03")),
    "BLUE_EXPORT_KEYS": json.dumps(signing_jwks("2026-03")),
    "BLUE_VAULT_KEYS": json.dumps(symmetric_jwks("2026-03")),
    "BLUE_IDENTITY_KEY": ENVIRONMENT["BLUE_IDENTITY_KEY"],
    "BLUE_ENROLMENT_GROUPS": ENVIRONMENT["BLUE_ENROLMENT_GROUPS"],
    "BLUE_SMTP_URL": "smtps://blue@mail.example:465",
    "BLUE_SMTP_PASSWORD": SECRET,
    "BLUE_MAIL_FROM": "no-reply@blue.example",
    "BLUE_CONTROLLER": ENVIRONMENT["BLUE_CONTROLLER"],
    "BLUE_STORAGE_PLACE": "Microsoft Azure, Spain Central (Madrid)",
    "WEBSITE_INSTANCE_ID": "instance",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*ENVIRONMENT, *DEPLOYED, "WEBSITE_POD_NAME", "BLUE_RECIPIENTS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def load(environment: pytest.MonkeyPatch, values: dict[str, str]) -> Settings:
    for name, value in values.items():
        environment.setenv(name, value)
    return load_settings()


def test_the_local_settings_load(environment: pytest.MonkeyPatch) -> None:
    """What the local cloud sets is enough."""
    settings = load(environment, ENVIRONMENT)
    assert settings.cosmos_database == "blue"
    assert settings.identity_key == bytes(32)


def test_deployed_settings_load_without_any_key_of_a_store(environment: pytest.MonkeyPatch) -> None:
    """In Azure the stores are reached by managed identity."""
    settings = load(environment, DEPLOYED)
    assert settings.cosmos_key is None


@pytest.mark.parametrize(
    "missing",
    sorted(
        ENVIRONMENT.keys() - {"AZURE_FUNCTIONS_ENVIRONMENT", "BLUE_COSMOS_KEY", "EventHubs", "BLUE_BLOB_CONNECTION"}
    ),
)
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, missing: str) -> None:
    """The sentence says which setting is missing and where all are described."""
    with pytest.raises(SettingsUnusable, match=f"{missing}.*local.settings.sample.json"):
        load(environment, {name: value for name, value in ENVIRONMENT.items() if name != missing})


@pytest.mark.parametrize("missing", ["EventHubs", "BLUE_BLOB_CONNECTION"])
def test_a_service_with_two_ways_needs_one(environment: pytest.MonkeyPatch, missing: str) -> None:
    """Both ways are named when neither is there."""
    with pytest.raises(SettingsUnusable, match=missing):
        load(environment, {name: value for name, value in ENVIRONMENT.items() if name != missing})


@pytest.mark.parametrize(
    "name",
    ["BLUE_IDENTITY_KEY", "BLUE_DEVICE_TOKEN_KEYS", "BLUE_EXPORT_KEYS", "BLUE_VAULT_KEYS", "BLUE_ENROLMENT_GROUPS"],
)
def test_a_wrong_setting_is_not_repeated(environment: pytest.MonkeyPatch, name: str) -> None:
    """A message never holds the value: it may be most of a key."""
    with pytest.raises(SettingsUnusable) as caught:
        load(environment, ENVIRONMENT | {name: SECRET})
    assert name in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "BLUE_COSMOS_KEY",
        "EventHubs",
        "BLUE_BLOB_CONNECTION",
        "BLUE_COSMOS_ENDPOINT",
        "BLUE_SIGN_IN_ISSUER",
        "BLUE_DEVICE_TOKEN_KEYS",
        "BLUE_EXPORT_KEYS",
        "BLUE_VAULT_KEYS",
    ],
)
def test_a_deployed_app_refuses_each_development_double(environment: pytest.MonkeyPatch, name: str) -> None:
    """None of what makes the local cloud work is accepted in Azure."""
    with pytest.raises(SettingsUnusable, match=f"refuses development doubles: {name}"):
        load(environment, DEPLOYED | {name: ENVIRONMENT[name]})


def test_a_deployed_app_refuses_a_mail_server_on_loopback(environment: pytest.MonkeyPatch) -> None:
    """The local one delivers nothing."""
    with pytest.raises(SettingsUnusable, match="refuses development doubles: BLUE_SMTP_URL"):
        load(environment, DEPLOYED | {"BLUE_SMTP_URL": "smtp://blue@localhost:1025"})


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "https://mail.example",
        "smtp://",
        "smtp://mail.example:port",
        "smtp://mail.example:0",
        f"smtps://blue:{SECRET}@mail.example",
    ],
)
def test_a_mail_server_is_named_without_its_password(environment: pytest.MonkeyPatch, url: str) -> None:
    """An address ends up in logs and screenshots; what is wrong with it is said without repeating it."""
    with pytest.raises(SettingsUnusable, match="BLUE_SMTP_URL") as caught:
        load(environment, DEPLOYED | {"BLUE_SMTP_URL": url})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("key", [SECRET, "", base64.b64encode(bytes(31)).decode(), "schlüssel"])
def test_a_group_key_that_is_none_is_found_at_the_start(environment: pytest.MonkeyPatch, key: str) -> None:
    """And not by the first monitor of its group; the sentence says what it must be, and not what it is."""
    groups = json.dumps({"veo-wifi": [GROUP_KEY], "veo-wifi-2026": [GROUP_KEY, key]})
    with pytest.raises(SettingsUnusable, match=r"BLUE_ENROLMENT_GROUPS: .*group 2 must be base64") as caught:
        load(environment, ENVIRONMENT | {"BLUE_ENROLMENT_GROUPS": groups})
    assert GROUP_KEY not in str(caught.value)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"kty": "RSA"}, {"k": "c2hvcnQ"}, {"k": "schlüssel"}, {"kid": ""}, {"k": None}], ids=repr
)
def test_a_vault_key_that_is_none_is_found_at_the_start(
    environment: pytest.MonkeyPatch, change: dict[str, str | None]
) -> None:
    """And not when the first person is erased."""
    [jwk] = symmetric_jwks("dev-vault")["keys"]
    changed = {name: value for name, value in (jwk | change).items() if value is not None}
    for keys in ([changed], [jwk, changed], []):
        with pytest.raises(SettingsUnusable, match=r"BLUE_VAULT_KEYS: .*oct JWK of 32 bytes") as caught:
            load(environment, ENVIRONMENT | {"BLUE_VAULT_KEYS": json.dumps({"keys": keys})})
        assert jwk["k"] not in str(caught.value)


@pytest.mark.parametrize("missing", ["user", "password"])
def test_half_a_mail_login_is_none(environment: pytest.MonkeyPatch, missing: str) -> None:
    """Found at the start, and not at the first mail."""
    values = DEPLOYED | {"BLUE_SMTP_URL": "smtps://mail.example"} if missing == "user" else dict(DEPLOYED)
    if missing == "password":
        del values["BLUE_SMTP_PASSWORD"]
    with pytest.raises(SettingsUnusable, match="BLUE_SMTP_URL and BLUE_SMTP_PASSWORD"):
        load(environment, values)


@pytest.mark.parametrize("sender", ["nobody", "Blue <no-reply@blue.example>", "a@b\nBcc: c@d"])
def test_the_sender_is_an_address_alone(environment: pytest.MonkeyPatch, sender: str) -> None:
    """It goes into headers and the envelope as it is."""
    with pytest.raises(SettingsUnusable, match="BLUE_MAIL_FROM"):
        load(environment, ENVIRONMENT | {"BLUE_MAIL_FROM": sender})


@pytest.mark.parametrize("wrong", [{"privacyContact": "nobody"}, {"name": ""}, {"fax": "1"}, {"postalAddress": None}])
def test_a_controller_that_is_none_is_found_at_the_start(
    environment: pytest.MonkeyPatch, wrong: dict[str, str | None]
) -> None:
    """Without one whom people can write to, no notice could be served."""
    written = json.loads(ENVIRONMENT["BLUE_CONTROLLER"]) | wrong
    with pytest.raises(SettingsUnusable, match="BLUE_CONTROLLER"):
        load(environment, ENVIRONMENT | {"BLUE_CONTROLLER": json.dumps(written)})


def test_what_documents_say_of_an_installation_is_in_the_settings(environment: pytest.MonkeyPatch) -> None:
    """Who is responsible, and where everything is stored."""
    installation = load(environment, DEPLOYED).installation
    assert installation.controller.privacy_contact == "privacy@blue.example"
    assert installation.storage_place == "Microsoft Azure, Spain Central (Madrid)"


@pytest.mark.parametrize(
    ("recipients", "fault"),
    [
        ({"sales_and_technicians": "http://sales.example/notices"}, "must be like https://host/path"),
        ({"sales_and_technicians": "https:///notices"}, "must be like https://host/path"),
        ({"sales_and_technicians": f"https://blue:{SECRET}@sales.example/"}, "must be like https://host/path"),
        ({"push_services": "https://push.example/notices"}, "The data map declares"),
        ({"somebody": "https://somebody.example"}, "The data map declares"),
    ],
)
def test_a_recipient_is_declared_and_told_by_https(
    environment: pytest.MonkeyPatch, recipients: dict[str, str], fault: str
) -> None:
    """What is in a notice goes over no open wire, and to nobody whom residents are not shown."""
    with pytest.raises(SettingsUnusable, match=f"BLUE_RECIPIENTS: .*{fault}") as caught:
        load(environment, ENVIRONMENT | {"BLUE_RECIPIENTS": json.dumps(recipients)})
    assert SECRET not in str(caught.value)


LOCAL_RECIPIENT = {"BLUE_RECIPIENTS": json.dumps({"website": "http://127.0.0.1:8091/notices"})}


def test_a_recipient_on_loopback_needs_no_tls(environment: pytest.MonkeyPatch) -> None:
    """No wire can be listened to there."""
    settings = load(environment, ENVIRONMENT | LOCAL_RECIPIENT)
    assert settings.recipients == {"website": "http://127.0.0.1:8091/notices"}


def test_a_deployed_app_refuses_a_recipient_on_loopback(environment: pytest.MonkeyPatch) -> None:
    """The local one does nothing but acknowledge."""
    with pytest.raises(SettingsUnusable, match="refuses development doubles: BLUE_RECIPIENTS"):
        load(environment, DEPLOYED | LOCAL_RECIPIENT)


def test_secrets_do_not_show_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    """A settings object in a log gives nothing away."""
    printed = repr(load(environment, ENVIRONMENT))
    private = json.loads(ENVIRONMENT["BLUE_EXPORT_KEYS"])["keys"][0]["d"]
    shared = [json.loads(ENVIRONMENT[f"BLUE_{name}_KEYS"])["keys"][0]["k"] for name in ("DEVICE_TOKEN", "VAULT")]
    assert not [value for value in (SECRET, GROUP_KEY, private, *shared, "identity_key") if value in printed]


@pytest.mark.parametrize(
    "host",
    [
        {"AZURE_FUNCTIONS_ENVIRONMENT": "Production"},
        {"AZURE_FUNCTIONS_ENVIRONMENT": ""},
        {"WEBSITE_INSTANCE_ID": "instance"},
        {"WEBSITE_POD_NAME": "pod"},
    ],
)
def test_doubles_need_a_host_that_says_development(environment: pytest.MonkeyPatch, host: dict[str, str]) -> None:
    """An app that cannot tell where it runs refuses them."""
    with pytest.raises(SettingsUnusable, match="development doubles"):
        load(environment, ENVIRONMENT | host)
