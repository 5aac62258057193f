"""Whoever a client's key stands for, and the account that it trades."""

import uuid
from dataclasses import dataclass

from breakwater.domain.permissions import Principal


@dataclass(frozen=True, slots=True)
class Owner:
    principal: Principal
    account_id: uuid.UUID

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.principal.tenant_id
