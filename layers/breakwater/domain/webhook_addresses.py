"""Where a webhook may go: https to public addresses. Asked when an endpoint is set, and again at each connection.

A receiver's name is its owner's to point anywhere, so what a name was once is worth nothing: whoever connects resolves
it himself, asks `refusal_of` of every address, and connects to one of those very addresses.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from breakwater.errors import InvalidRequest

URL_LENGTH_MAX = 2_000
PORTS = frozenset({443, 8443})
# One grammar for what is checked and what is connected to. Others read `\`, `@`, blanks and escapes in a host each in
# their own way, and what two read differently passes one of them.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[!-\"$-\[\]-~]*)?(?:\?[!-\"$-\[\]-~]*)?)"  # Printable ASCII without # and \\.
)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")

# Global by the registry and yet no place to call: an address of IPv4 is within it, or it is the host's own.
_REFUSED_NETWORKS = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("168.63.129.16/32", "a metadata address"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("2002::/16", "IPv4 within IPv6"),
        ("2001::/23", "IPv4 within IPv6"),
        ("3fff::/20", "reserved for documents"),
    )
)

# All that IPv6 has given out. What embeds an address of IPv4, and whatever is invented beside, lies elsewhere.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Receiver:
    """A URL, taken apart. `host` is a name in ASCII or an address without brackets."""

    is_tls: bool
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """`allows_local`: receivers on this machine's loopback, by http and at any port too. Of the local run alone."""

    allows_local: bool = False

    def receiver_of(self, url: str) -> Receiver:
        """InvalidRequest, which says why, for a URL that is not https to a name or a public address."""
        found = _URL.fullmatch(url) if len(url) <= URL_LENGTH_MAX else None
        if found is None:
            raise _refused("it is no URL such as https://example.com/hook, without user, fragment or blanks")
        is_tls, host = found["scheme"] == "https", found["host"].strip("[]").rstrip(".").lower()
        port = int(found["port"] or (443 if is_tls else 80))
        target = found["target"] if found["target"].startswith("/") else f"/{found['target']}"
        receiver = Receiver(is_tls, host, port, target)
        address = _literal(host, is_bracketed=found["host"].startswith("["))
        if self.allows_local and (host == "localhost" or (address is not None and address.is_loopback)):
            return receiver
        if not is_tls:
            raise _refused("only https is called")
        if port not in PORTS:
            raise _refused(f"only the ports {' and '.join(map(str, sorted(PORTS)))} are called")
        if address is None:
            _check_name(host)
        elif (why := refusal_of(address)) is not None:
            raise _refused(f"{address} is {why}")
        return receiver

    def check(self, receiver: Receiver, addresses: Sequence[str]) -> list[str]:
        """Those that its name stands for, unless one of them is refused: InvalidRequest then."""
        if not addresses:
            raise _refused(f"{receiver.host} has no address")
        for text in addresses:
            address = ipaddress.ip_address(text.partition("%")[0])
            if self.allows_local and address.is_loopback:
                continue
            if (why := refusal_of(address)) is not None:
                raise _refused(f"{receiver.host} is {why}")
            # A name that is this machine's and a public one's at once would be called at any port of the public one.
            if not receiver.is_tls or receiver.port not in PORTS:
                raise _refused("only https is called, at the ports 443 and 8443")
        return list(addresses)


def refusal_of(address: Address) -> str | None:
    """Why nobody is called there; None for a public address."""
    if isinstance(address, ipaddress.IPv6Address) and (inner := address.ipv4_mapped) is not None:
        # Nobody publishes such an address; who does wants to get past a list of those of IPv4.
        return refusal_of(inner) or "IPv4 within IPv6"
    for network, why in _REFUSED_NETWORKS:
        if address.version == network.version and address in network:
            return why
    for is_so, why in (
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (address.is_unspecified, "no address of a host"),
        (not address.is_global, "a private or reserved address"),
        (isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST, "no global unicast address"),
    ):
        if is_so:
            return why
    return None


def _literal(host: str, *, is_bracketed: bool) -> Address | None:
    """The address that the host is written as; None for a name. InvalidRequest for what could be read as either."""
    if is_bracketed:
        try:
            return ipaddress.IPv6Address(host)
        except ValueError:
            raise _refused("in brackets stands an address of IPv6") from None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        pass
    # 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 are addresses for many resolvers. No name ends in a number.
    if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        raise _refused("an address of IPv4 is four decimal numbers")
    return None


def _check_name(host: str) -> None:
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("the host is no full name of the Internet")
    if any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise _refused("the host is a name of a local network")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"this URL is not called: {why}", field="url")
