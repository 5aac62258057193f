"""CloudFormation: the resource types of our template that ministack refuses, and `Ref` of a secret.

Such types get an id and nothing behind it, except the event archive, which ministack has as a service of its own.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, secretsmanager
from ministack.services.cloudformation import provisioners

type Properties = dict[str, Any]
type Attributes = dict[str, str]

# Type -> what its physical ids begin with.
PLACEHOLDERS = {
    "AWS::ApiGatewayV2::RouteResponse": "rr",
    "AWS::ApiGatewayV2::VpcLink": "vpcl",
    "AWS::ApplicationAutoScaling::ScalableTarget": "service/",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "asp-",
    "AWS::CloudWatch::CompositeAlarm": "comp-",
    "AWS::EC2::EIP": "eipalloc-",
    "AWS::EC2::FlowLog": "fl-",
    "AWS::EC2::NatGateway": "nat-",
    "AWS::EC2::SecurityGroupEgress": "sgr-",
    "AWS::EC2::SecurityGroupIngress": "sgr-",
    "AWS::EventSchemas::Registry": "registry/",
    "AWS::EventSchemas::Schema": "schema/",
    "AWS::Events::EventBusPolicy": "ebp-",
    "AWS::RDS::DBProxy": "prx-",
    "AWS::RDS::DBProxyTargetGroup": "tg-",
    "AWS::SNS::TopicInlinePolicy": "tip-",
    "AWS::SQS::QueueInlinePolicy": "qip-",
    "AWS::SecretsManager::ResourcePolicy": "srp-",
    "AWS::SecretsManager::RotationSchedule": "rot-",
    "AWS::WAFv2::IPSet": "ipset-",
    "AWS::WAFv2::LoggingConfiguration": "wafl-",
    "AWS::WAFv2::WebACLAssociation": "wafa-",
}
_ATTRIBUTE_NAMES = ("Arn", "Id", "AllocationId", "NatGatewayId", "GroupId", "Endpoint", "PublicIp")


def apply() -> None:
    for resource_type, prefix in PLACEHOLDERS.items():
        provisioners._RESOURCE_HANDLERS.setdefault(
            resource_type, {"create": _placeholder(prefix), "update": _keep, "delete": _forget}
        )
    provisioners._RESOURCE_HANDLERS.setdefault(
        "AWS::Events::Archive", {"create": _create_archive, "delete": _delete_archive}
    )
    _refer_to_secrets_by_arn(provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"])


def _refer_to_secrets_by_arn(handler: dict[str, Any]) -> None:
    """`Ref` of a secret is its ARN; ministack's handlers know it by its name. Policies name secrets by `Ref`."""
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_by_arn(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        _name, attributes = create(logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update_by_arn(arn: str, *properties: Any, **options: Any) -> tuple[str, Attributes]:
        _name, attributes = update(_secret_name(arn), *properties, **options)
        return attributes["Arn"], attributes

    def delete_by_arn(arn: str, properties: Properties) -> None:
        delete(_secret_name(arn), properties)

    handler.update(create=create_by_arn, update=update_by_arn, delete=delete_by_arn)


def _secret_name(arn: str) -> str:
    """The name of a secret that may be gone: a deletion that is tried again finds nothing."""
    return next((name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn), "")


def _placeholder(prefix: str) -> Callable[[str, Properties, str], tuple[str, Attributes]]:
    def create(_logical_id: str, _properties: Properties, _stack: str) -> tuple[str, Attributes]:
        physical_id = prefix + uuid.uuid4().hex[:17]
        return physical_id, _attributes(physical_id)

    return create


def _keep(physical_id: str, _old: Properties, _new: Properties, _stack: str) -> tuple[str, Attributes]:
    return physical_id, _attributes(physical_id)


def _attributes(physical_id: str) -> Attributes:
    return dict.fromkeys(_ATTRIBUTE_NAMES, physical_id)


def _forget(_physical_id: str, _properties: Properties) -> None:
    """There is nothing behind a placeholder."""


def _create_archive(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = properties.get("ArchiveName") or provisioners._physical_name(stack, logical_id, max_len=48)
    pattern = properties.get("EventPattern") or ""
    request: Properties = {
        "ArchiveName": name,
        "EventSourceArn": properties["SourceArn"],
        "EventPattern": json.dumps(pattern) if isinstance(pattern, dict) else pattern,
        **{key: properties[key] for key in ("Description", "RetentionDays") if key in properties},
    }
    status, _headers, body = eventbridge._create_archive(request)
    answer = json.loads(body)
    if status >= 300:
        raise ValueError(answer.get("message", answer))
    return name, {"Arn": answer["ArchiveArn"], "ArchiveName": name}


def _delete_archive(physical_id: str, _properties: Properties) -> None:
    eventbridge._delete_archive({"ArchiveName": physical_id})
