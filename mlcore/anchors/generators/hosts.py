"""Which hosts may be asked: no private address unless an administrator allowed the host by name.

Every request resolves its host here, checks all addresses and connects to the one it checked, so that a name that
points elsewhere a moment later (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from mlcore.anchors.generators.base import GeneratorError

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenHostError(GeneratorError):
    """The host is, or resolves to, an address that must not be asked."""

    code = "forbidden_host"


class UnknownHostError(GeneratorError):
    """The host's name can't be resolved at the moment."""

    code = "unknown_host"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet: not loopback, private, link-local, reserved, multicast.

    IPv4 addresses inside IPv6 (mapped, 6to4, Teredo, NAT64) count as the IPv4 address they lead to.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in NAT64 or int(ip) >> 32 == 0:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(one is not None and not is_public(str(one)) for one in inner):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def checked_address(url: str, allowed: Collection[str]) -> str:
    """The IP address to connect to for a URL.

    Args:
        allowed: host names or addresses an administrator allowed, compared exactly (lower case).

    Raises:
        ForbiddenHostError: any of the host's addresses is not public, and the host is not allowed.
        UnknownHostError: the name does not resolve.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"the host {host[:100]} can't be resolved: check its name and the network") from error
    addresses = [str(entry[4][0]) for entry in found]
    if host not in {name.rstrip(".").lower() for name in allowed}:
        for address in addresses:
            if not is_public(address):
                raise ForbiddenHostError(
                    f"the host {host[:100]} leads to {address}, which is no public address; "
                    "an administrator can allow the host by name (MAPWRIGHT_MLLM_ALLOWED_HOSTS)"
                )
    return addresses[0]
