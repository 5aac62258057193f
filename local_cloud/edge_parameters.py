"""`python -m local_cloud.edge_parameters <outputs file of cdk>`: what `cdk deploy BreakwaterEdge` is told."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3


def edge_parameters(outputs: dict[str, dict[str, str]], secrets: Any) -> list[str]:
    """KeyError where the control stack is not deployed yet, or was without the context `edge`."""
    told = {name: value for stack in outputs.values() for name, value in stack.items()}
    secret = json.loads(secrets.get_secret_value(SecretId=told["EdgeSecretArn"])["SecretString"])["value"]
    return ["--parameters", f"ApiDomainName={urlsplit(told['ApiUrl']).netloc}", "--parameters", f"EdgeSecret={secret}"]


if __name__ == "__main__":
    print(" ".join(edge_parameters(json.loads(Path(sys.argv[1]).read_text()), boto3.client("secretsmanager"))))
