"""Every role under its own policies alone: what is taken away is missed, and what the other tests needed is there.

conftest.py puts this file last, so that all that the suite does is judged here.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from breakwater.client import Client, Problem
from local_cloud import iam
from local_cloud.platform import REGION, Platform
from local_cloud.provisioning import DEMO_FIRM
from tests.e2e.desk import Desk, eventually

PASSWORD = "Temporary-horse-1"
type Roles = Callable[[str], "Role"]
# What the tests here take away for a moment, by the role of which function or task.
TAKEN = {
    "AuditFunction": "s3:GetObject",
    "AuditSealerFunction": "kms:Sign",
    "EngineTaskTask": "sqs:SendMessage",
    "OrdersFunction": "states:StartSyncExecution",
    "UsersFunction": "cognito-idp:AdminCreateUser",
}


class Role:
    """A role of the running platform, whose one policy may be narrowed for a while."""

    def __init__(self, client: Any, platform: Platform, name: str, action: str) -> None:
        self.client, self.platform, self.name, self.action = client, platform, name, action

    def was_refused(self) -> bool | None:
        """True once it was; as `eventually` wants it."""
        refused = [call for call in iam.calls_of(self.platform) if not call.allowed]
        return any((call.role, call.action) == (self.name, self.action) for call in refused) or None

    @contextmanager
    def without_it(self) -> Iterator[None]:
        (policy,) = self.client.list_role_policies(RoleName=self.name)["PolicyNames"]
        document = self.client.get_role_policy(RoleName=self.name, PolicyName=policy)["PolicyDocument"]
        narrowed = json.loads(json.dumps(document))
        for statement in narrowed["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [each for each in actions if each != self.action]
        assert narrowed != document, f"{self.name} had no {self.action} to be taken away"
        narrowed["Statement"] = [statement for statement in narrowed["Statement"] if statement["Action"]]
        self._put(policy, narrowed)
        try:
            yield
        finally:
            self._put(policy, document)

    def _put(self, policy: str, document: dict[str, Any]) -> None:
        self.client.put_role_policy(RoleName=self.name, PolicyName=policy, PolicyDocument=json.dumps(document))


def client_of(service: str, url: str) -> Any:
    """The account's owner's, who may do anything."""
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture(scope="module")
def platform(endpoints_file: Path, endpoints: dict[str, Any]) -> Platform:
    return Platform(folder=endpoints_file.parent, port_base=int(endpoints["aws_endpoint_url"].rpartition(":")[2]))


@pytest.fixture(scope="module")
def role(platform: Platform) -> Roles:
    client = client_of("iam", platform.aws_url)
    names = iam.grants_of(platform)

    def of(function: str) -> Role:
        (name,) = [each for each in names if f"-{function}Role" in each]
        return Role(client, platform, name, TAKEN[function])

    return of


def test_no_order_is_placed_without_the_right_to_start_the_saga(role: Roles, desk: Desk) -> None:
    orders = role("OrdersFunction")
    with orders.without_it(), pytest.raises(Problem) as refused:
        desk.rest()
    assert refused.value.status >= 500
    assert orders.was_refused()
    assert desk.rest()["status"] == "NEW"


def test_nobody_is_invited_without_the_right_to_create_users(role: Roles, sign_in: Callable[[str], Client]) -> None:
    users, admin = role("UsersFunction"), sign_in("admin")
    username = f"nobody-{uuid.uuid4().hex[:8]}"
    with users.without_it(), pytest.raises(Problem) as refused:
        admin.invite(username, f"{username}@harbour.example", "viewer", temporary_password=PASSWORD)
    assert refused.value.status >= 500
    assert users.was_refused()


def test_no_export_is_made_without_the_right_to_read_anchors(
    role: Roles, invoke: Callable[[str, Any], Any], sign_in: Callable[[str], Client]
) -> None:
    audit, admin, now = role("AuditFunction"), sign_in("admin"), datetime.now(UTC)
    invoke("audit_sealer", {})
    told = admin.audit_export((now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat())
    where = told["first_sequence"], told["anchored_sequence"]
    assert list(admin.audit_anchors(*where))
    with audit.without_it(), pytest.raises(Problem) as refused:
        list(admin.audit_anchors(*where))
    assert refused.value.status >= 500
    assert audit.was_refused()


def test_nothing_is_anchored_without_the_right_to_sign(
    role: Roles, invoke: Callable[[str, Any], Any], desk: Desk
) -> None:
    sealer = role("AuditSealerFunction")
    desk.client.cancel(desk.rest()["order_id"])
    with sealer.without_it():
        assert invoke("audit_sealer", {})["failed"] > 0
    assert sealer.was_refused()
    assert invoke("audit_sealer", {})["failed"] == 0


def test_fills_wait_in_the_outbox_while_the_engine_may_not_send_them(role: Roles, desk: Desk) -> None:
    engine = role("EngineTaskTask")
    with engine.without_it():
        order_id = desk.place("BUY", "0.01")["order_id"]
        eventually(engine.was_refused)
        told_of = {trade["order_id"] for trade in desk.client.trades(account_id=desk.account_id)["items"]}
        assert order_id not in told_of
    assert desk.filled_of(order_id)


def test_what_operators_rarely_do_is_granted_too(
    invoke: Callable[[str, Any], Any], sign_in: Callable[[str], Client], desk: Desk
) -> None:
    """Which no other test does on this platform."""
    admin, unique = sign_in("admin"), uuid.uuid4().hex[:8]
    invited = admin.invite(f"twice-{unique}", f"twice-{unique}@harbour.example", "viewer", temporary_password=PASSWORD)
    admin.invite_again(invited["user_id"], temporary_password=PASSWORD)
    admin.change_user(invited["user_id"], is_disabled=True)

    admin.add_exchange_credential(
        account_id=desk.account_id, venue="BYBIT", label=unique, api_key="an-api-key", secret="a-secret-of-it"
    )
    rewrap = {"action": "rewrap_exchange_credentials", "wrapped_before": datetime.now(UTC).isoformat()}
    assert invoke("provisioning", rewrap)["rewrapped"] >= 1


def test_mails_of_alerts_follow_the_people_of_each_organisation(
    invoke: Callable[[str, Any], Any], sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    admin, unique = sign_in("admin"), uuid.uuid4().hex[:8]
    shared, alone = f"shared-{unique}@quay.example", f"alone-{unique}@quay.example"
    quay = str(uuid.uuid4())
    harbour = json.loads(DEMO_FIRM.read_text())["tenant_id"]

    def make_quay(role: str) -> None:
        users = [
            {"username": f"quay-{place}-{unique}", "email": email, "password": PASSWORD, "role": role}
            for place, email in enumerate((shared, alone))
        ]
        firm = {"tenant_id": quay, "name": f"Quay Trading {unique}", "users": users, "limits": []}
        firm["nodes"] = [{"key": "firm", "kind": "FIRM", "name": "Quay"}]
        assert invoke("provisioning", {"action": "create_organisation", "organisation": firm})

    def hears(address: str, *tenants: str) -> None:
        eventually(lambda: subscriptions(endpoints).get(address, set()) == set(tenants) or None)

    own = f"own-{unique}@harbour.example"
    joined = admin.invite(f"own-{unique}", own, "risk_manager", temporary_password=PASSWORD)
    hears(own, harbour)
    admin.change_user(joined["user_id"], role="viewer")
    hears(own, harbour)
    admin.change_user(joined["user_id"], is_disabled=True)
    hears(own)

    make_quay("risk_manager")
    hears(shared, quay)
    hears(alone, quay)
    invited = admin.invite(f"shared-{unique}", shared, "risk_manager", temporary_password=PASSWORD)
    hears(shared, quay, harbour)
    make_quay("viewer")
    hears(alone, quay)
    admin.change_user(invited["user_id"], is_disabled=True)
    hears(shared, quay)


def subscriptions(endpoints: dict[str, Any]) -> dict[str, set[str]]:
    """Addresses, and the organisations that each is sent alerts of."""
    sns = client_of("sns", endpoints["aws_endpoint_url"])
    (topic,) = [each["TopicArn"] for each in sns.list_topics()["Topics"] if "AlertTopic" in each["TopicArn"]]
    found = {}
    for each in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        try:
            attributes = sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])["Attributes"]
        except sns.exceptions.NotFoundException:
            continue  # It was ended a moment ago.
        found[each["Endpoint"]] = set(json.loads(attributes["FilterPolicy"])["tenant_id"])
    return found


def test_nothing_else_was_refused(platform: Platform, role: Roles) -> None:
    taken = {(role(function).name, action) for function, action in TAKEN.items()}
    refused = {(call.role, call.action) for call in iam.calls_of(platform) if not call.allowed}
    assert refused <= taken


def test_every_grant_was_used_by_some_test(platform: Platform, request: pytest.FixtureRequest) -> None:
    collected = {item.path for item in request.session.items}
    missing = set(Path(__file__).parent.glob("test_*.py")) - collected
    if missing:
        pytest.skip(f"only the whole suite uses every grant, and {len(missing)} files of it do not run")
    unused = iam.unused(iam.grants_of(platform), iam.calls_of(platform))
    assert [grant for grant in unused if iam.why_never_asked(grant) is None] == []
