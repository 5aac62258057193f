from typing import cast

import jsii
from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct


@jsii.implements(apigateway.IAccessLogSettings)
class _AccessLogSettings:
    def __init__(self, destination: apigateway.IAccessLogDestination) -> None:
        self._destination = destination

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> rest.AccessLogFormat | None:
        return None  # CDK's own: address, time, route, status, length, request id.


def access_log(scope: Construct) -> apigateway.IAccessLogSettings:
    """A log group of the scope's, kept for three months, that a stage writes its requests into."""
    group = logs.LogGroup(
        scope, "AccessLog", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
    )
    return cast(apigateway.IAccessLogSettings, _AccessLogSettings(apigateway.LogGroupLogDestination(group)))
