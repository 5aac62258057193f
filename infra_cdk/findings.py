"""Findings of cdk-nag that we accept, each with its reason at the place where the resource is made."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one finding on a construct and what is below it, for example `IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
