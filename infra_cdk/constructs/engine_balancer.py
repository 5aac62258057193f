"""What stands between functions and the engine's tasks: a balancer of requests, or one that passes connections on."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra_cdk.constructs.edge_options import MutualTls, tls_name
from infra_cdk.constructs.network import ENGINE_PORT, Network
from infra_cdk.findings import accept

# Of those who serve: two answers five seconds apart say that one does, or does no more.
READINESS: dict[str, Any] = {
    "path": "/health/ready",
    "interval": Duration.seconds(5),
    "timeout": Duration.seconds(2),
    "healthy_threshold_count": 2,
    "unhealthy_threshold_count": 2,
}


class EngineBalancer(Construct):
    """Internal. Sends requests only to tasks that answer `/health/ready` with 200: those that serve shards.

    With a name and its certificate (context `engine_tls`) it speaks TLS 1.2 and above alone, and the name is resolved
    in the network only; the way from it to a task, within the two groups, stays HTTP.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network) -> None:
        super().__init__(scope, construct_id)
        self.targets = elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=network.vpc,
            target_type=elb.TargetType.IP,
            protocol=elb.ApplicationProtocol.HTTP,
            port=ENGINE_PORT,
            deregistration_delay=Duration.seconds(5),
            health_check=elb.HealthCheck(**READINESS),
        )
        self.adds_addresses = True  # Of who called, in a header.
        self.balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            internet_facing=False,
            security_group=network.balancer,
            drop_invalid_header_fields=True,
        )
        name = tls_name(self, "engine_tls")
        tls: dict[str, Any] = {}
        if name is not None:
            certificates = [elb.ListenerCertificate.from_arn(name.certificate_arn)]
            tls = {"certificates": certificates, "ssl_policy": elb.SslPolicy.TLS13_RES}
        self.balancer.add_listener(
            "Listener",
            port=network.balancer_port,
            protocol=elb.ApplicationProtocol.HTTPS if tls else elb.ApplicationProtocol.HTTP,
            default_target_groups=[self.targets],
            open=False,
            **tls,
        )
        accept(self.balancer, "ELB2", "Only our functions call it, and the engine journals every order it takes.")
        self.url = f"http://{self.balancer.load_balancer_dns_name}"
        if name is not None:
            self.url = _named(self, name.domain_name, self.balancer, network)


class EnginePassage(Construct):
    """Internal, too, but it opens nothing: mutual TLS goes through it from a function to the engine (decision 106).

    An Application Load Balancer would end it, and shows the engine no certificate. Who serves it learns from the same
    path; its health checks are TLS without a certificate, whom the engine tells that and nothing else.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, tls: MutualTls) -> None:
        super().__init__(scope, construct_id)
        self.targets = elb.NetworkTargetGroup(
            self,
            "Targets",
            vpc=network.vpc,
            target_type=elb.TargetType.IP,
            protocol=elb.Protocol.TCP,
            port=ENGINE_PORT,
            deregistration_delay=Duration.seconds(5),
            connection_termination=True,  # Kept-alive connections to a task that left would wait for their time-outs.
            preserve_client_ip=True,
            health_check=elb.HealthCheck(protocol=elb.Protocol.HTTPS, **READINESS),
        )
        self.adds_addresses = False
        self.balancer = elb.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            internet_facing=False,
            cross_zone_enabled=True,  # Shards may all be with the task of one zone.
            security_groups=[network.balancer],
        )
        self.balancer.add_listener(
            "Listener",
            port=network.balancer_port,
            protocol=elb.Protocol.TCP,
            default_target_groups=[self.targets],
        )
        accept(self.balancer, "ELB2", "It sees ciphertext alone; the engine journals every order it takes.")
        self.url = _named(self, tls.domain_name, self.balancer, network)


def _named(
    scope: Construct,
    domain_name: str,
    balancer: elb.ApplicationLoadBalancer | elb.NetworkLoadBalancer,
    network: Network,
) -> str:
    zone = route53.PrivateHostedZone(scope, "Zone", zone_name=domain_name, vpc=network.vpc)
    target = route53.RecordTarget.from_alias(targets.LoadBalancerTarget(balancer))
    route53.ARecord(scope, "Name", zone=zone, target=target)
    return f"https://{domain_name}"
