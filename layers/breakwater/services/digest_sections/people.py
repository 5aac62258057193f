"""People, their sign-ins and keys, who read what tells of them, and the audit trail."""

from collections.abc import Iterable

from breakwater.domain.digests import Fact, Section
from breakwater.services.digest_sections.scene import Scene, shown_time
from breakwater.services.digest_sections.tables import UNKNOWN, list_of, table


def people(scene: Scene) -> Iterable[Section]:
    rows = [(each.role, str(each.users), str(each.active), str(each.disabled)) for each in scene.figures.people()]
    failures = scene.count("identity.SignInFailed.v1")
    facts = (
        Fact(name="Sign-ins", value=str(scene.count("identity.SignedIn.v1"))),
        Fact(name="Sign-ins that failed", value=str(failures), is_notable=failures > 0),
        Fact(name="Invited", value=str(scene.count("users.PermissionsUpdated.v1", "INVITED"))),
        Fact(name="Changes of roles", value=str(scene.count("users.PermissionsUpdated.v1", "ROLE"))),
    )
    yield Section(title="People", facts=facts, table=table(("Role", "+Users", "+Active", "+Disabled"), rows))


def keys(scene: Scene) -> Iterable[Section]:
    keys = scene.figures.keys(scene.at)
    facts = (
        Fact(name="API keys and clients that work", value=str(keys.working)),
        Fact(name="Of them clients of third parties", value=str(keys.clients)),
        Fact(name="Used", value=str(keys.used)),
        Fact(name="Made", value=str(scene.count("identity.ApiKeyChanged.v1", "CREATED"))),
        Fact(name="Rotated", value=str(scene.count("identity.ApiKeyRotated.v1"))),
        Fact(name="Revoked", value=str(scene.count("identity.ApiKeyChanged.v1", "REVOKED"))),
        Fact(name="Expire within 14 days", value=str(keys.expiring), is_notable=keys.expiring > 0),
        Fact(name="Not used for 90 days", value=str(keys.unused), is_notable=keys.unused > 0),
    )
    yield Section(title="API keys", facts=facts)


def sign_ins(scene: Scene) -> Iterable[Section]:
    found = scene.figures.sign_ins()
    sums = {
        name: sum(getattr(each, name) for each in found) for name in ("sign_ins", "without_second_factor", "failures")
    }
    facts = (
        Fact(name="Sign-ins", value=str(sums["sign_ins"])),
        Fact(name="Without a second factor", value=str(sums["without_second_factor"])),
        Fact(name="Failed", value=str(sums["failures"]), is_notable=sums["failures"] > 0),
    )
    rows = [
        (
            each.username,
            *(str(n) for n in (each.sign_ins, each.without_second_factor, each.failures, each.addresses)),
        )
        for each in found
    ]
    columns = ("User", "+Sign-ins", "+Without second factor", "+Failed", "+Addresses")
    yield Section(title="Sign-ins", facts=facts, table=table(columns, rows) if rows else None)


_PERMISSION_TOPICS = (
    "users.PermissionsUpdated.v1",
    "users.GroupChanged.v1",
    "users.OrganisationProvisioned.v1",
    "identity.SecondFactorChanged.v1",
)
_CREDENTIAL_TOPICS = (
    "identity.ApiKeyChanged.v1",
    "identity.ApiKeyRotated.v1",
    "identity.OAuthClientChanged.v1",
    "identity.ExchangeCredentialChanged.v1",
    "identity.ExchangeCredentialAccessChanged.v1",
)
_READING_TOPICS = ("audit.SensitiveDataRead.v1", "audit.TrailExported.v1")


def permission_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.people_events(_PERMISSION_TOPICS):
        told = event["payload"]
        change = told.get("change", "PROVISIONED")
        if change == "ROLE":
            change = f"role {told['role_before']} to {told['role']}"
        elif change == "ACCESS":
            given = "given" if told["is_given"] else "taken away"
            change = f"{told['resource'].lower()} {given}"
        whom = told.get("username", told.get("name"))
        rows.append((scene.time(event["occurred_at_ns"]), whom, change.lower(), told["changed_by"]))
    yield list_of(rows, title="Changes of permissions", columns=("When", "Whose", "Change", "By"))


def credential_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.people_events(_CREDENTIAL_TOPICS):
        told = event["payload"]
        if "is_given" in told:
            change = "given to an account" if told["is_given"] else "taken from an account"
        else:
            change = told.get("change", "ROTATED").lower()
        kind = event["topic"].split(".")[1].removesuffix("Changed").removesuffix("Rotated").removesuffix("Access")
        named = told.get("name") or told.get("label") or told.get("key_id") or told.get("credential_id")
        rows.append((scene.time(event["occurred_at_ns"]), _KINDS[kind], named, change, told["changed_by"]))
    yield list_of(rows, title="Changes of keys", columns=("When", "Kind", "Name", "Change", "By"))


_KINDS = {"ApiKey": "API key", "OAuthClient": "client", "ExchangeCredential": "key at an exchange"}


def readings(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"].get("what") or f"export up to record {event['payload']['sequence']}",
            event["payload"].get("read_by") or event["payload"]["exported_by"],
        )
        for event in scene.figures.people_events(_READING_TOPICS)
    ]
    yield list_of(rows, title="Who read what tells of people", columns=("When", "What", "By"))


def trail(scene: Scene) -> Iterable[Section]:
    trail = scene.figures.trail()
    if trail is None:
        yield Section(title="The audit trail", note="Nothing was sealed yet.")
        return
    behind = trail.sequence - trail.anchored_sequence
    anchored = UNKNOWN if trail.anchored_at is None else shown_time(trail.anchored_at, scene.zone)
    facts = (
        Fact(name="Records sealed", value=str(trail.sealed)),
        Fact(name="Records in all", value=str(trail.sequence)),
        Fact(name="Anchored up to record", value=str(trail.anchored_sequence)),
        Fact(name="Newest anchor stored", value=anchored, is_notable=trail.anchored_at is None),
        Fact(name="Not anchored yet", value=str(behind)),
        Fact(name="Gaps that two persons approved", value=str(trail.gaps), is_notable=trail.gaps > 0),
    )
    note = "What is anchored can be verified offline: breakwater audit export, then breakwater audit verify."
    yield Section(title="The audit trail", note=note, facts=facts)
