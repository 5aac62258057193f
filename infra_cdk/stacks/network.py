from typing import Any

from aws_cdk import Stack
from constructs import Construct

from infra_cdk.constructs.network import Network


class NetworkStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.network = Network(self, "Network")
