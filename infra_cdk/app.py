"""The CDK app: `cdk synth` runs it; the same assembly is deployed to AWS and to the local emulator (decision 0010)."""

from aws_cdk import App, Tags

from infra_cdk.constructs.edge_options import tls_name
from infra_cdk.constructs.web_options import web_options
from infra_cdk.findings import refuse_findings
from infra_cdk.stacks.control import ControlStack
from infra_cdk.stacks.edge import EdgeStack
from infra_cdk.stacks.engine import EngineStack
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.state import StateStack
from infra_cdk.stacks.web import WebStack


def build(app: App) -> None:
    """Four stacks, each importing only from those above it, then web app and edge, where the context names them."""
    network = NetworkStack(app, "BreakwaterNetwork").network
    state = StateStack(app, "BreakwaterState", network=network)
    control = ControlStack(app, "BreakwaterControl", network=network, state=state)
    engine = EngineStack(app, "BreakwaterEngine", network=network, state=state, control=control)
    if (web := web_options(app)) is not None:
        WebStack(app, "BreakwaterWeb", options=web, state=state, control=control, balancer=engine.requests_balancer)
    if (edge := tls_name(app, "edge")) is not None:
        EdgeStack(app, "BreakwaterEdge", name=edge)
    Tags.of(app).add("application", "breakwater")
    refuse_findings(app)


if __name__ == "__main__":
    app = App(analytics_reporting=False)
    build(app)
    app.synth()
