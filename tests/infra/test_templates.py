"""What holds for every template."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from infra_cdk.constructs.functions import TIMEOUTS
from infra_cdk.findings import refuse_findings
from tests.infra.conftest import STACKS

OUTPUTS = {
    "BreakwaterState": {
        "UserPoolId",
        "UserPoolClientId",
        "AdminDatabaseSecretArn",
        "FunctionsDatabaseSecretArn",
        "EngineDatabaseSecretArn",
        "SealerDatabaseSecretArn",
        "ServiceTokenKeyId",
        "ConnectionsTableName",
    },
    "BreakwaterControl": {
        "ApiUrl",
        "WebSocketUrl",
        "TradeEventsQueueUrl",
        "AlertsQueueUrl",
        "EventBusName",
        "AlertTopicArn",
        "OrderSagaArn",
        "ProvisioningFunctionName",
    },
    "BreakwaterEngine": {"EngineUrlParameterName"},
}


def test_cfn_lint_finds_nothing_in_any_template(assembly: Path) -> None:
    # W3005: CDK writes a DependsOn beside a GetAtt that says the same; nothing in our hands.
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005", "--"]
    templates = sorted(str(template) for template in assembly.glob("*.template.json"))
    assert len(templates) == len(STACKS)
    done = subprocess.run([*command, *templates], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_no_stack_has_a_custom_resource(documents: dict[str, dict[str, Any]]) -> None:
    types = {resource["Type"] for document in documents.values() for resource in document["Resources"].values()}
    assert not [kind for kind in types if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"]
    every_function = [r for d in documents.values() for r in d["Resources"].values() if "Lambda::Function" in r["Type"]]
    assert len(every_function) == len(TIMEOUTS)


def test_stacks_import_only_from_those_above_them(assembly: Path) -> None:
    manifest = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = {"BreakwaterNetwork", "BreakwaterState", "BreakwaterControl", "BreakwaterEngine"}
    needs = {stack: set(manifest[stack].get("dependencies", [])) & stacks for stack in stacks}
    assert needs["BreakwaterNetwork"] == set()
    assert set(manifest["BreakwaterEdge"].get("dependencies", [])) & stacks == set()
    assert needs["BreakwaterState"] == {"BreakwaterNetwork"}
    assert needs["BreakwaterControl"] == {"BreakwaterNetwork", "BreakwaterState"}
    assert needs["BreakwaterEngine"] == {"BreakwaterNetwork", "BreakwaterState", "BreakwaterControl"}


def test_the_outputs_others_read_are_there(documents: dict[str, dict[str, Any]]) -> None:
    for stack, expected in OUTPUTS.items():
        assert expected <= documents[stack]["Outputs"].keys()


def test_no_template_holds_a_password_or_a_key(documents: dict[str, dict[str, Any]]) -> None:
    for document in documents.values():
        text = json.dumps(document)
        assert 'SecretString": "' not in text
        assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", text)
        for resource in document["Resources"].values():
            properties = resource.get("Properties", {})
            password = properties.get("MasterUserPassword")
            # A reference that CloudFormation resolves at deploy, never a literal.
            assert password is None or "resolve:secretsmanager" in json.dumps(password)


def test_a_finding_nobody_accepted_fails_the_synthesis() -> None:
    # That ours synthesizes at all, see the fixture, says that it has none.
    app = App()
    s3.Bucket(Stack(app, "Careless"), "Bucket")
    refuse_findings(app)
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        app.synth()
