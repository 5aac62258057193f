from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.findings import accept

SNAPSHOT_DAYS = 30
TLS_VERSION_MIN = 1.2


class Storage(Construct):
    """Buckets for reports, closed partitions and the engine's snapshots: private, versioned, over TLS only.

    Anchors of the audit trail lie in one of their own, where nobody can change or delete an object for years. A fifth
    takes their access logs.
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.access_logs = logs = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,  # Log delivery cannot write under a key of ours.
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=TLS_VERSION_MIN,
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(365))],
        )
        accept(logs, "S1", "This is where access logs go; logging it into itself would never end.")
        self.reports = self._bucket("Reports", key, logs)
        self.archive = self._bucket("Archive", key, logs)
        # An old one is of no use: the journal has everything, and a restart wants the newest.
        self.snapshots = self._bucket(
            "Snapshots",
            key,
            logs,
            s3.LifecycleRule(
                expiration=Duration.days(SNAPSHOT_DAYS),
                noncurrent_version_expiration=Duration.days(1),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            ),
        )

        self.audit = self._locked("Audit", logs)

    def _locked(self, construct_id: str, logs: s3.Bucket) -> s3.Bucket:
        """What is written stays, whoever asks: in mode COMPLIANCE not even the account's root can shorten it."""
        mode, days = (self.node.get_context(f"audit_retention_{part}") for part in ("mode", "days"))
        kept = Duration.days(int(days))
        retentions = {
            "COMPLIANCE": s3.ObjectLockRetention.compliance,
            "GOVERNANCE": s3.ObjectLockRetention.governance,
        }
        if mode not in retentions:
            raise ValueError(f"audit_retention_mode is one of {', '.join(retentions)}, not {mode!r}")
        return s3.Bucket(
            self,
            construct_id,
            # Under no key of ours: whoever may delete the key could make unreadable what nobody may delete.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=TLS_VERSION_MIN,
            versioned=True,
            object_lock_enabled=True,
            object_lock_default_retention=retentions[mode](kept),
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
        )

    def _bucket(self, construct_id: str, key: kms.Key, logs: s3.Bucket, *rules: s3.LifecycleRule) -> s3.Bucket:
        return s3.Bucket(
            self,
            construct_id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=TLS_VERSION_MIN,
            versioned=True,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=list(rules),
        )

    def grant_snapshots(self, grantee: iam.IGrantable) -> None:
        """Let the engine list, read and write its snapshots; it deletes none.

        Not `bucket.grant_read_write`: that writes the grantee into the key's policy, a circle between the stacks.
        """
        bucket = self.snapshots
        self._allow(grantee, ["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects("shards/*"))
        self._allow(grantee, ["s3:ListBucket"], bucket.bucket_arn)
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.amazonaws.com"}},
            )
        )

    def grant_anchoring(self, grantee: iam.IGrantable) -> None:
        """Let the sealer add anchors, and see which there are."""
        self._allow(grantee, ["s3:GetObject", "s3:PutObject"], self.audit.arn_for_objects("anchors/*"))
        self._allow(grantee, ["s3:ListBucket"], self.audit.bucket_arn)

    def grant_reading_anchors(self, grantee: iam.IGrantable) -> None:
        """With the list: else S3 says of one that is gone that it is forbidden."""
        self._allow(grantee, ["s3:GetObject"], self.audit.arn_for_objects("anchors/*"))
        self._allow(grantee, ["s3:ListBucket"], self.audit.bucket_arn)

    def _allow(self, grantee: iam.IGrantable, actions: list[str], arn: str) -> None:
        grantee.grant_principal.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[arn]))
