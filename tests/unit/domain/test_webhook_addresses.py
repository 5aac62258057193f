"""Where no webhook goes, whatever a URL or a name says."""

import ipaddress

import pytest

from breakwater.domain.webhook_addresses import AddressPolicy, refusal_of
from breakwater.errors import InvalidRequest

PUBLIC, LOCAL = AddressPolicy(), AddressPolicy(allows_local=True)

REFUSED = (
    *(
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104  # It is refused.
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
    ),
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.192"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.5", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:7f00:1", "::127.0.0.1", "::7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1"),
)


@pytest.mark.parametrize("address", REFUSED)
def test_no_address_but_a_public_one_is_called_literally_or_by_a_name(address: str) -> None:
    assert refusal_of(ipaddress.ip_address(address)) is not None
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidRequest):
        PUBLIC.receiver_of(f"https://{host}/")
    receiver = PUBLIC.receiver_of("https://hooks.example.com/")
    with pytest.raises(InvalidRequest):
        PUBLIC.check(receiver, [address])
    with pytest.raises(InvalidRequest):  # One among good ones is enough.
        PUBLIC.check(receiver, ["93.184.215.14", address, "2606:4700::6810:1"])


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:1", "2a00:1450:4001::1"])
def test_public_addresses_are_called(address: str) -> None:
    assert refusal_of(ipaddress.ip_address(address)) is None
    assert PUBLIC.check(PUBLIC.receiver_of("https://hooks.example.com/"), [address]) == [address]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "//hooks.example.com/",
        "https:hooks.example.com",
        "https:///hooks.example.com",
        "HTTPS ://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com@169.254.169.254/",
        "https://hooks.example.com\\@169.254.169.254/",
        "https://169.254.169.254\\.example.com/",
        "https://hooks.example.com#@169.254.169.254/",
        "https://hooks.example.com/#fragment",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:5432/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65999/",
        "https://hooks.example.com:/",
        "https://hooks.example.com:443:22/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://example.0x7f/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[v1.fe80::1]/",
        "https://[127.0.0.1]/",
        "https://::1/",
        "https://hooks.example.com%2f@evil/",
        "https://hooks%2eexample.com/",
        "https://ⓗooks.example.com/",
        "https://hooks。example。com/",
        "https://-hooks.example.com/",
        "https://hooks..example.com/",
        "https://.example.com/",
        "https://hooks_.example.com/",
        "https://" + "a" * 64 + ".example.com/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\r\nX-Injected: 1",
        "https://hooks.example.com/\x00",
        "https://hooks.example.com/\tx",
        " https://hooks.example.com/",
        "https://hooks.example.com/\n",
        "https://hooks.example.com/" + "a" * 2_000,
        "",
    ],
)
def test_a_url_that_could_be_read_in_two_ways_or_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PUBLIC.receiver_of(url)
    assert refused.value.extensions == {"field": "url"}


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "host_header"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://Hooks.Example.com./a?b=c", "hooks.example.com", 443, "/a?b=c", "hooks.example.com"),
        ("https://hooks.example.com:8443/a@b", "hooks.example.com", 8443, "/a@b", "hooks.example.com:8443"),
        ("https://hooks.example.com?x=1", "hooks.example.com", 443, "/?x=1", "hooks.example.com"),
        ("https://93.184.215.14/x", "93.184.215.14", 443, "/x", "93.184.215.14"),
        ("https://[2606:4700::6810:1]:8443/", "2606:4700::6810:1", 8443, "/", "[2606:4700::6810:1]:8443"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    ],
)
def test_what_is_called_is_what_was_read(url: str, host: str, port: int, target: str, host_header: str) -> None:
    receiver = PUBLIC.receiver_of(url)
    assert (receiver.is_tls, receiver.host, receiver.port, receiver.target) == (True, host, port, target)
    assert receiver.host_header == host_header


def test_the_local_run_calls_its_own_machine_and_nothing_else_that_is_private() -> None:
    for url in ("http://127.0.0.1:9000/x", "http://localhost:9000/", "http://[::1]:9000/"):
        LOCAL.check(LOCAL.receiver_of(url), ["127.0.0.1", "::1"])
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://hooks.example.com/", "https://192.168.1.1/"):
        with pytest.raises(InvalidRequest):
            LOCAL.receiver_of(url)
    # A name of both would be called without TLS, or at any port, at the public one.
    with pytest.raises(InvalidRequest):
        LOCAL.check(LOCAL.receiver_of("http://localhost:9000/"), ["127.0.0.1", "93.184.215.14"])
    with pytest.raises(InvalidRequest):
        PUBLIC.check(PUBLIC.receiver_of("https://hooks.example.com/"), [])
