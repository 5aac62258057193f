"""The engine on Fargate: two tasks, in two zones, between which sixteen shards are shared."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_servicediscovery as cloud_map
from constructs import Construct

from infra_cdk.constructs.edge_options import mutual_tls
from infra_cdk.constructs.engine_balancer import EngineBalancer, EnginePassage
from infra_cdk.constructs.network import ENGINE_PORT, Network
from infra_cdk.findings import accept
from infra_cdk.repository import ROOT, required

DOCKERFILE = "fargate_engine/Dockerfile"
IMAGE_USER = "10001"  # As in the Dockerfile; said again here, so that an image without its USER line is not root.
ALL_INTERFACES = "0.0.0.0"  # noqa: S104  # The task's own; its security group lets in the balancer and its peers.


def no_capabilities(scope: Construct, construct_id: str) -> ecs.LinuxParameters:
    """What a container has that needs nothing of root: it opens a high port, and no device."""
    parameters = ecs.LinuxParameters(scope, construct_id)
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters


class EngineService(Construct):
    """Two tasks of the same image, each with a small companion that registers the task's address with the balancer.

    ECS itself must not watch the target group: it would stop the waiting task for ever being "unhealthy" (decision
    0011). It watches the container's own health check. Not autoscaled: a shard has one writer.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: Network,
        balancer: EngineBalancer | EnginePassage,
        environment: dict[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._balancer = balancer
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(
                name="breakwater.internal", type=cloud_map.NamespaceType.DNS_PRIVATE, vpc=network.vpc
            ),
        )
        self.task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=2048,
            memory_limit_mib=4096,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        self._add_containers(environment)
        ecs.FargateService(
            self,
            "Service",
            cluster=self.cluster,
            task_definition=self.task,
            desired_count=2,
            min_healthy_percent=100,  # New tasks follow the journals before the old ones are asked to go.
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            enable_execute_command=False,
            assign_public_ip=False,
            security_groups=[network.engine],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            cloud_map_options=ecs.CloudMapOptions(
                name="engine", dns_record_type=cloud_map.DnsRecordType.A, dns_ttl=Duration.seconds(5)
            ),
        )
        accept(self.task, "ECS2", "Names and addresses only; secrets are read from Secrets Manager by the process.")
        accept(self.task, "IAM5[Resource::*]", "An ECR authorization token has no ARN to name.")

    def _add_containers(self, environment: dict[str, str]) -> None:
        required(DOCKERFILE)
        self.image = image = ecs.ContainerImage.from_asset(
            str(ROOT), file=DOCKERFILE, platform=ecr_assets.Platform.LINUX_ARM64, exclude=["cdk.out"]
        )
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        health = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{ENGINE_PORT}/health', timeout=3)"
        if mutual_tls(self) is not None:  # By its address, which its certificate does not name: it asks itself.
            health = health.replace("http://", "https://").replace("3)", "3, context=ssl._create_unverified_context())")
            health = f"import ssl; {health}"
        engine = self.task.add_container(
            "Engine",
            image=image,
            environment={"ENGINE_HOST": ALL_INTERFACES, "ENGINE_PORT": str(ENGINE_PORT), **environment},
            port_mappings=[ecs.PortMapping(container_port=ENGINE_PORT)],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="engine", log_group=log),
            user=IMAGE_USER,
            readonly_root_filesystem=True,
            linux_parameters=no_capabilities(self, "EngineLinux"),
            stop_timeout=Duration.seconds(30),
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", health],
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(60),
            ),
        )
        registrar = self.task.add_container(
            "Registrar",
            image=image,
            command=["python", "-m", "fargate_engine.target_group"],
            environment={
                "ENGINE_TARGET_GROUP_ARN": self._balancer.targets.target_group_arn,
                "ENGINE_PORT": str(ENGINE_PORT),
            },
            logging=ecs.LogDrivers.aws_logs(stream_prefix="registrar", log_group=log),
            user=IMAGE_USER,
            readonly_root_filesystem=True,
            linux_parameters=no_capabilities(self, "RegistrarLinux"),
            memory_limit_mib=128,
        )
        registrar.add_container_dependencies(
            ecs.ContainerDependency(container=engine, condition=ecs.ContainerDependencyCondition.START)
        )
