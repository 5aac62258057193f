"""The app is synthesized once for all tests here, as `cdk synth` does it, with wheels for this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

ROOT = Path(__file__).resolve().parents[2]
STACKS = tuple(f"Breakwater{name}" for name in ("Network", "State", "Control", "Engine", "Edge", "Web"))
SYNTHESIS_TIMEOUT_S = 110
VENUE = {
    "name": "BINANCE",
    "exchange": "binance",
    "credentials": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:binance-Ab12Cd",
}
STORED_VENUE = {
    "name": "BYBIT",
    "exchange": "bybit",
    "credentials": "store:00000000-0000-4000-8000-000000000000",
}
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000"
FIREWALL = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/app/0a1b2c3d-0000-4000-8000-000000000000"
RETIRED_KEY = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000"
OIDC = {
    "issuer": "https://keycloak.example.com/realms/firm",
    "audience": "breakwater",
    "organisations": {"firm": "00000000-0000-4000-8000-000000000000"},
    "roles": {"bw-trader": "trader"},
}
# As a firm deploys it: every option is on. The local run deploys it with none.
OPTIONS: dict[str, Any] = {
    "venues": [VENUE, STORED_VENUE],
    "allowed_origins": ["https://desk.example.com"],
    "edge": {"domain_name": "api.example.com", "certificate_arn": CERTIFICATE},
    "web": {
        "origin": "https://app.example.com",
        "certificate_arn": CERTIFICATE,
        "cloudfront_prefix_list": "pl-0123456789abcdef0",
        "firewall_arn": FIREWALL,
        "sign_in_prefix": "harbour-trading",
    },
    "engine_tls": {"domain_name": "engine.example.com", "certificate_arn": CERTIFICATE},
    "oidc": OIDC,
    "mail_sender": "digests@mail.example.com",
    "second_factor_roles": ["risk_manager", "organisation_admin"],
    "interface_endpoints": True,
    "telegram": {"bot_username": "firm_bot"},
    "push_contact": "mailto:operations@example.com",
    "retired_exchange_credentials_keys": [RETIRED_KEY],
}

type Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly. Findings of cdk-nag fail the synthesis, and with it every test here."""
    return synthesize(tmp_path_factory.mktemp("assembly") / "cdk.out", OPTIONS)


def synthesize(output: Path, options: dict[str, Any]) -> Path:
    """The cloud assembly of `cdk.json` with these options instead of its own."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    context |= {"lambda_platform": "local", **options}
    environment = os.environ | {"CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)}
    done = subprocess.run(
        [sys.executable, "-m", "infra_cdk.app"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SYNTHESIS_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="session")
def documents(assembly: Path) -> dict[str, dict[str, Any]]:
    """Each stack's template as it is deployed."""
    return {stack: json.loads((assembly / f"{stack}.template.json").read_text()) for stack in STACKS}


@pytest.fixture(scope="session")
def network(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterNetwork"])


@pytest.fixture(scope="session")
def state(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterState"])


@pytest.fixture(scope="session")
def control(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterControl"])


@pytest.fixture(scope="session")
def engine(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterEngine"])


@pytest.fixture(scope="session")
def edge(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterEdge"])


@pytest.fixture(scope="session")
def web(documents: dict[str, dict[str, Any]]) -> Template:
    return Template.from_json(documents["BreakwaterWeb"])


@pytest.fixture(scope="session")
def functions(control: Template) -> Resources:
    """The Lambda functions by the name of their folder."""
    found = control.find_resources("AWS::Lambda::Function")
    return {
        resource["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: dict(resource)
        for resource in found.values()
    }
