import json

import pytest
from aws_cdk.assertions import Match, Template


def test_the_database_is_encrypted_protected_and_backed_up(state: Template) -> None:
    state.has_resource(
        "AWS::RDS::DBCluster",
        {
            "DeletionPolicy": "Snapshot",
            "Properties": {
                "Engine": "aurora-postgresql",
                "StorageEncrypted": True,
                "KmsKeyId": Match.any_value(),
                "DeletionProtection": True,
                "BackupRetentionPeriod": 14,
                "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8},
            },
        },
    )


def test_the_database_has_an_instance_to_fail_over_to_and_none_is_public(state: Template) -> None:
    state.resource_count_is("AWS::RDS::DBInstance", 2)
    for instance in state.find_resources("AWS::RDS::DBInstance").values():
        assert instance["Properties"]["DBInstanceClass"] == "db.serverless"
        assert not instance["Properties"].get("PubliclyAccessible", False)


@pytest.mark.parametrize("role", ["breakwater_functions", "breakwater_engine", "breakwater_sealer"])
def test_each_role_has_a_generated_secret_with_all_it_takes_to_connect(state: Template, role: str) -> None:
    state.has_resource_properties(
        "AWS::SecretsManager::Secret",
        {
            "KmsKeyId": Match.any_value(),
            "GenerateSecretString": {
                "GenerateStringKey": "password",
                "PasswordLength": 40,
                "SecretStringTemplate": {
                    "Fn::Join": [
                        "",
                        [
                            Match.string_like_regexp(f'.*"username": ?"{role}".*'),
                            Match.any_value(),
                            Match.string_like_regexp('.*"port": ?5432.*"dbname": ?"breakwater".*'),
                        ],
                    ]
                },
            },
        },
    )


def test_every_bucket_is_private_encrypted_and_versioned(state: Template) -> None:
    state.all_resources_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": Match.any_value(),
        },
    )


def test_every_bucket_refuses_plain_http(state: Template) -> None:
    policies = state.find_resources("AWS::S3::BucketPolicy").values()
    assert len(policies) == len(state.find_resources("AWS::S3::Bucket"))
    for policy in policies:
        assert '"aws:SecureTransport": "false"' in json.dumps(policy)


def test_keys_that_encrypt_rotate_and_those_of_service_tokens_anchors_and_pushes_only_sign(state: Template) -> None:
    state.resource_count_is("AWS::KMS::Key", 8)
    state.resource_properties_count_is("AWS::KMS::Key", {"EnableKeyRotation": True}, 5)
    signs = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    state.resource_properties_count_is("AWS::KMS::Key", signs, 3)


def test_nobody_can_change_or_delete_an_anchor_of_the_audit_trail_for_five_years(state: Template) -> None:
    state.has_resource(
        "AWS::S3::Bucket",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "ObjectLockEnabled": True,
                "ObjectLockConfiguration": {
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1826}},
                },
            },
        },
    )


def test_nobody_signs_up_alone_and_passwords_are_long(state: Template) -> None:
    state.has_resource_properties(
        "AWS::Cognito::UserPool",
        {
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
            "DeletionProtection": "ACTIVE",
            "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
            "MfaConfiguration": "OPTIONAL",
            "Policies": {"PasswordPolicy": Match.object_like({"MinimumLength": 12})},
        },
    )


def test_tokens_live_an_hour_and_sign_in_is_by_password_or_srp(state: Template) -> None:
    state.has_resource_properties(
        "AWS::Cognito::UserPoolClient",
        {
            "AccessTokenValidity": 60,
            "IdTokenValidity": 60,
            "TokenValidityUnits": Match.object_like({"AccessToken": "minutes", "IdToken": "minutes"}),
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "PreventUserExistenceErrors": "ENABLED",
            "EnableTokenRevocation": True,
        },
    )


def test_forgotten_websocket_connections_expire(state: Template) -> None:
    state.has_resource_properties(
        "AWS::DynamoDB::Table",
        {
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    )


def test_snapshots_go_after_thirty_days_and_nothing_else_does(state: Template) -> None:
    buckets = state.find_resources("AWS::S3::Bucket").values()
    expiring = [
        b["Properties"]["LifecycleConfiguration"] for b in buckets if "LifecycleConfiguration" in b["Properties"]
    ]
    days = sorted(rule["ExpirationInDays"] for each in expiring for rule in each["Rules"])
    assert days == [30, 365]  # The other: access logs.
