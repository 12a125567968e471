"""Where a scheduler may be, and by what certificates it is trusted.

Whoever reaches a scheduler of dask can have anything executed on its workers: so what is not this
machine is spoken to by TLS alone, with certificates of an authority that serves the cluster.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.language import tr
from optimizer.errors import ClusterError

LOCAL = "local"
"""Instead of an address: a cluster on this machine, for as long as the run lasts."""


def cluster_error(text: str, /, **about: object) -> ClusterError:
    """The error of a cluster: a text in the current language, with values put into it."""
    return ClusterError(tr(text, **about))


@dataclass(frozen=True)
class Tls:
    """The files of an encrypted connection; where all are None, dask's own settings hold."""

    ca: Path | None = None
    """Certificates of the authority that both sides must be certified by (PEM)."""
    cert: Path | None = None
    """The certificate of this side (PEM)."""
    key: Path | None = None
    """Its private key (PEM)."""


def check_installed() -> None:
    """Raises ClusterError where dask.distributed is not there."""
    if find_spec("distributed") is None:
        raise cluster_error(
            "a cluster needs dask.distributed: install Vorrat as {extra}", extra="'.[cluster]'"
        )


def located(address: str) -> str:
    """The address with its protocol: tls, unless it is tcp and stays on this machine. Raises
    ClusterError where it is none, or is not encrypted and leads elsewhere."""
    if address == LOCAL:
        return address
    protocol, found, place = address.rpartition("://")
    protocol = protocol if found else "tls"
    host, colon, port = place.rpartition(":")
    if protocol not in ("tls", "tcp") or not (host and colon and port.isdecimal()):
        raise cluster_error(
            "'{address}' is no address of a scheduler, such as {example}.",
            address=address,
            example="tls://10.0.0.5:8786",
        )
    if protocol == "tcp" and not _is_loopback(host):
        raise cluster_error(
            "'{address}' is another machine, which is spoken to by TLS alone: {secured}",
            address=address,
            secured=f"tls://{place}",
        )
    return f"{protocol}://{place}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def security(address: str, tls: Tls) -> Any:
    """How a scheduler at such an address is spoken to, as a ``distributed.Security``. Raises
    ClusterError where a file that TLS needs is not named or not there."""
    from distributed.security import Security

    if address.startswith("tcp://"):
        return Security(require_encryption=False)
    named = {"tls_ca_file": tls.ca, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
    given = {name: str(path) for name, path in named.items() if path is not None}
    made = Security(require_encryption=True, **given)
    options = ("--tls-ca", "--tls-cert", "--tls-key")
    missing = [
        option
        for option, name in zip(options, named, strict=True)
        if getattr(made, name, None) is None
    ]
    if missing:
        raise cluster_error("TLS needs three files; missing: {options}", options=", ".join(missing))
    for name in named:
        held = str(getattr(made, name))
        if "\n" not in held and not Path(held).is_file():
            raise cluster_error("there is no file '{path}'", path=held)
    return made
