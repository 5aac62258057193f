"""The watch on Fargate: one small task that looks at losses, silences and kills several times a second."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.constructs.engine_service import IMAGE_USER, no_capabilities
from infra_cdk.constructs.network import Network
from infra_cdk.findings import accept


class WatchService(Construct):
    """The engine's image with another command, and a role and database user of its own: those of the functions.

    Two of them beside each other, as during a deploy, do nothing twice.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: Network,
        cluster: ecs.ICluster,
        image: ecs.ContainerImage,
        environment: dict[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.task.add_container(
            "Watch",
            image=image,
            command=["python", "-m", "breakwater.runtime.watch"],
            environment=environment,
            logging=ecs.LogDrivers.aws_logs(stream_prefix="watch", log_group=log),
            user=IMAGE_USER,
            readonly_root_filesystem=True,
            linux_parameters=no_capabilities(self, "Linux"),
            stop_timeout=Duration.seconds(10),
        )
        ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=self.task,
            desired_count=1,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            enable_execute_command=False,
            assign_public_ip=False,
            security_groups=[network.functions],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        )
        accept(self.task, "ECS2", "Names only; secrets are read from Secrets Manager by the process.")
        accept(self.task, "IAM5[Resource::*]", "An ECR authorization token has no ARN to name.")
