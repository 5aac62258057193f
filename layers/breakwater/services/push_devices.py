"""By which browsers a person is told, said by himself; one that its push service knows no more is forgotten."""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, StringConstraints

from breakwater.db.connection import TenantTransaction
from breakwater.db.push_devices import PushDevice
from breakwater.domain.permissions import Caller
from breakwater.domain.push import AUTH_SECRET_BYTES, PUBLIC_KEY_BYTES, is_public_key
from breakwater.domain.times import Timestamp, nanoseconds
from breakwater.errors import Conflict, InvalidRequest, NotFound
from events.identity import PushDeviceChanged

DEVICES_OF_ONE_PERSON_MAX = 10
GONE_BY = "the push service"
_IS_PERSONAL = "changes how he is reached"
_NAMESPACE = uuid.UUID("0c5d7a54-6f0f-4d3c-9a3f-3c7b2a9e51d0")

type CheckEndpoint = Callable[[str], object]  # InvalidRequest for one that is not called.

Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}=?=?$")]


class PushKeys(BaseModel):
    """As a browser's PushSubscription tells them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    p256dh: Base64Url
    auth: Base64Url


class NewPushDevice(BaseModel):
    """A PushSubscription, and a name by which its owner knows the browser again."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[!-~]+$")]
    keys: PushKeys
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class PushDeviceView(BaseModel):
    """`endpoint_sha256`, in hexadecimal: by it a browser knows which of them it is."""

    device_id: uuid.UUID
    name: str
    endpoint_sha256: str
    created_at: Timestamp


class PushDevices(TypedDict):
    """`public_key`: what a browser subscribes with (`applicationServerKey`), in base64url."""

    public_key: str
    devices: list[PushDeviceView]


def devices(caller: Caller, tx: TenantTransaction, *, public_key: str) -> PushDevices:
    found = tx.push_devices.of_user(tx.identity.user(caller.subject).user_id, DEVICES_OF_ONE_PERSON_MAX)
    return {"public_key": public_key, "devices": [_shown(each) for each in found]}


def check_device(new: NewPushDevice, caller: Caller, check_endpoint: CheckEndpoint) -> None:
    """Before any transaction: the host's name is looked up. InvalidRequest for keys or an endpoint that are none."""
    caller.require_person(_IS_PERSONAL)
    _keys(new)
    try:
        check_endpoint(new.endpoint)
    except InvalidRequest as error:
        raise InvalidRequest(error.message, field="endpoint") from error


def register(new: NewPushDevice, caller: Caller, tx: TenantTransaction, at: datetime) -> PushDeviceView:
    """The same browser twice is one device. Conflict for more than ten."""
    caller.require_person(_IS_PERSONAL)
    user = tx.identity.user(caller.subject)
    public_key, auth_secret = _keys(new)
    device_id = uuid.uuid5(_NAMESPACE, f"{user.user_id}/{new.endpoint}")
    tx.push_devices.lock_user(user.user_id)
    known = tx.push_devices.of_user(user.user_id, DEVICES_OF_ONE_PERSON_MAX)
    before = next((each for each in known if each.device_id == device_id), None)
    if before is None and len(known) >= DEVICES_OF_ONE_PERSON_MAX:
        raise Conflict(f"a person has at most {DEVICES_OF_ONE_PERSON_MAX} browsers: remove one first")
    created_at = at if before is None else before.created_at
    device = PushDevice(device_id, user.user_id, new.name, new.endpoint, public_key, auth_secret, created_at)
    tx.push_devices.keep(device)
    if before is None:
        _tell(device, user.username, tx, at, by=caller.actor, correlation_id=caller.correlation_id, change="REGISTERED")
    return _shown(device)


def remove(device_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound for one that is not the caller's."""
    caller.require_person(_IS_PERSONAL)
    user = tx.identity.user(caller.subject)
    device = tx.push_devices.find(device_id)
    if device is None or device.user_id != user.user_id or not tx.push_devices.remove(device_id):
        raise NotFound("there is no such browser of yours")
    _tell(device, user.username, tx, at, by=caller.actor, correlation_id=caller.correlation_id, change="REMOVED")


def forget_gone(device: PushDevice, tx: TenantTransaction, at: datetime, *, correlation_id: str) -> None:
    """Its push service says that the browser has ended it, which is how most people do."""
    if not tx.push_devices.remove(device.device_id):
        return
    people = tx.alert_recipients.users([device.user_id])
    username = people[0].username if people else str(device.user_id)
    _tell(device, username, tx, at, by=GONE_BY, correlation_id=correlation_id, change="GONE")


def _keys(new: NewPushDevice) -> tuple[bytes, bytes]:
    public_key, auth_secret = _decoded(new.keys.p256dh), _decoded(new.keys.auth)
    if len(public_key) != PUBLIC_KEY_BYTES or not is_public_key(public_key):
        raise InvalidRequest("it is no point of the curve P-256", field="keys.p256dh")
    if len(auth_secret) != AUTH_SECRET_BYTES:
        raise InvalidRequest(f"it has {AUTH_SECRET_BYTES} bytes", field="keys.auth")
    return public_key, auth_secret


def _decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return b""


def _shown(device: PushDevice) -> PushDeviceView:
    return PushDeviceView(
        device_id=device.device_id,
        name=device.name,
        endpoint_sha256=hashlib.sha256(device.endpoint.encode()).hexdigest(),
        created_at=device.created_at,
    )


def _tell(
    device: PushDevice,
    username: str,
    tx: TenantTransaction,
    at: datetime,
    *,
    by: str,
    correlation_id: str,
    change: Literal["REGISTERED", "REMOVED", "GONE"],
) -> None:
    event = PushDeviceChanged(
        device_id=device.device_id,
        user_id=device.user_id,
        username=username,
        name=device.name,
        change=change,
        changed_by=by,
    )
    tx.outbox.add(
        event,
        aggregate_id=device.user_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
