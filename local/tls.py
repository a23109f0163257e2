"""Certificates for one machine, so that clients can be run over TLS as against Azure.

A directory holds a certificate authority and one certificate for `localhost` and `127.0.0.1`, made when they are
missing or about to expire. Clients get `ca.pem`. The authority can vouch for this machine's loopback only, so trusting
it risks nothing else. Several endpoints may use one directory.
"""

import contextlib
import fcntl
import ipaddress
import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.serving import LOOPBACK, CannotStart

CA_FILE: Final = "ca.pem"
HOST: Final = "localhost"

_CA_KEY_FILE: Final = "ca-key.pem"
_CERTIFICATE_FILE: Final = "localhost.pem"
_KEY_FILE: Final = "localhost-key.pem"
_CA_LIFE: Final = timedelta(days=3650)
_LIFE: Final = timedelta(days=365)
_MARGIN: Final = timedelta(days=7)
"""What expires within this time is made anew."""
_OWNER_ONLY: Final = 0o600


class _Issued(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ca_file(directory: Path) -> Path:
    """What clients are given to trust: `connection_verify` of the Azure clients, `SSL_CERT_FILE`."""
    return directory / CA_FILE


def server_context(directory: Path) -> ssl.SSLContext:
    """What an endpoint serves TLS with; makes what the directory lacks.

    Raises:
        CannotStart: the directory cannot be used, or holds something else under these names.
    """
    try:
        with _locked(directory):
            _provide(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / _CERTIFICATE_FILE, directory / _KEY_FILE)
    except (OSError, ValueError) as error:
        raise CannotStart(f"tls: {directory} cannot be used: {error}. Delete it, or choose another.") from error
    return context


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _provide(directory: Path) -> None:
    now = datetime.now(UTC)
    authority = _kept(directory, CA_FILE, _CA_KEY_FILE, now)
    if authority is None:
        authority = _authority(now)
        _keep(directory, CA_FILE, _CA_KEY_FILE, authority)
    server = _kept(directory, _CERTIFICATE_FILE, _KEY_FILE, now)
    if server is None or server.certificate.issuer != authority.certificate.subject:
        _keep(directory, _CERTIFICATE_FILE, _KEY_FILE, _server(authority, now))


def _kept(directory: Path, certificate_file: str, key_file: str, now: datetime) -> _Issued | None:
    """What an earlier start left, if it is good for some time yet."""
    if not (directory / certificate_file).exists() or not (directory / key_file).exists():
        return None
    certificate = x509.load_pem_x509_certificate((directory / certificate_file).read_bytes())
    key = serialization.load_pem_private_key((directory / key_file).read_bytes(), password=None)
    if certificate.not_valid_after_utc < now + _MARGIN or not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return _Issued(certificate, key)


def _keep(directory: Path, certificate_file: str, key_file: str, issued: _Issued) -> None:
    key = issued.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(directory / key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, so that the mode holds from the start
        file.write(key)
    (directory / certificate_file).write_bytes(issued.certificate.public_bytes(serialization.Encoding.PEM))


def _authority(now: datetime) -> _Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"Local cloud {serial:x}")  # its own name, so that certificates of an older one are recognised
    loopback = x509.IPAddress(ipaddress.ip_network(f"{LOOPBACK}/32"))
    builder = (
        _builder(name, name, key.public_key(), serial, now, _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(HOST), loopback], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _Issued(builder.sign(key, hashes.SHA256()), key)


def _server(authority: _Issued, now: datetime) -> _Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    issuer = authority.key.public_key()
    subject = authority.certificate.subject
    builder = (
        _builder(_name(HOST), subject, key.public_key(), x509.random_serial_number(), now, _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _Issued(builder.sign(authority.key, hashes.SHA256()), key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
