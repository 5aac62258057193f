"""The authorities that databases on AWS are verified by are the locked package's, and are where functions look."""

from datetime import UTC, datetime

from cryptography import x509

from breakwater.db import conninfo
from supply_chain.database_authorities import AUTHORITIES, authorities


def test_what_is_kept_is_what_the_locked_package_has() -> None:
    assert {file.stem: file.read_text() for file in AUTHORITIES.iterdir()} == authorities()


def test_functions_and_engine_look_for_them_where_they_are() -> None:
    assert conninfo.AUTHORITIES.samefile(AUTHORITIES)


def test_every_region_has_authorities_of_its_own_databases_that_are_good_for_long() -> None:
    regions = {file.stem for file in AUTHORITIES.iterdir()}
    assert {"us-east-1", "eu-central-1", "eu-west-1", "ap-northeast-1"} <= regions
    for file in AUTHORITIES.iterdir():
        good = []
        for certificate in x509.load_pem_x509_certificates(file.read_bytes()):
            assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            assert f"Amazon RDS {file.stem} " in certificate.subject.rfc4514_string()
            good.append(certificate.not_valid_after_utc > datetime(2050, 1, 1, tzinfo=UTC))
        assert any(good), file.stem
