"""The client's calls about alerts: the history, whom they are for and by which ways, who took them up, the rota."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json, Page


class AlertCalls(Connection):
    def alerts(
        self,
        *,
        category: str | None = None,
        severity: str | None = None,
        is_open: bool | None = None,
        cursor: str | None = None,
    ) -> Page:
        """The newest first. `is_open`: whether nobody has acknowledged it."""
        state = None if is_open is None else str(is_open).lower()
        return self._page("/alerts", category=category, severity=severity, is_open=state, cursor=cursor)

    def alert(self, alert_id: str) -> Json:
        """One of them, and who was told of it."""
        return self._call("GET", f"/alerts/{segment(alert_id)}")

    def acknowledge(self, alert_id: str, *, note: str | None = None) -> Json:
        """The alert, with who was first to; those of its group that are no worse go with it."""
        path = f"/alerts/{segment(alert_id)}/acknowledge"
        return self._call("POST", path, body=given(note=note), repeatable=True)

    def acknowledge_group(self, group_key: str, *, note: str | None = None) -> Json:
        """The worst alert of the group, and with it every other one."""
        return self._call("POST", "/alerts/acknowledge", body={"group_key": group_key, **given(note=note)})

    def escalation(self) -> Json:
        """Seconds to the first and to the second stage, and where people meet at the last."""
        return self._call("GET", "/alerts/escalation")

    def set_escalation(self, first_s: int, second_s: int, *, incident_bridge: str | None = None) -> Json:
        body = {"first_s": first_s, "second_s": second_s, "incident_bridge": incident_bridge}
        return self._call("PUT", "/alerts/escalation", body=body, repeatable=True)

    def rota(self) -> Json:
        """The people in order, when they hand over, who is on call now and next, and overrides."""
        return self._call("GET", "/alerts/rota")

    def set_rota(
        self,
        user_ids: list[str],
        starts_on: str,
        *,
        handover_at: str | None = None,
        time_zone: str | None = None,
        turn_days: int | None = None,
    ) -> Json:
        options = given(handover_at=handover_at, time_zone=time_zone, turn_days=turn_days)
        body = {"people": user_ids, "starts_on": starts_on} | options
        return self._call("PUT", "/alerts/rota", body=body, repeatable=True)

    def override_rota(self, user_id: str, ends_at: str, *, starts_at: str | None = None) -> Json:
        body = {"user_id": user_id, "ends_at": ends_at} | given(starts_at=starts_at)
        return self._call("POST", "/alerts/rota/overrides", body=body)

    def cancel_rota_override(self, override_id: str) -> None:
        self._call("DELETE", f"/alerts/rota/overrides/{segment(override_id)}", repeatable=True)

    def alert_routes(self) -> Json:
        """The matrix: `routes` of categories, `audiences`, and `channels` of severities, with its `version`."""
        return self._call("GET", "/alerts/routes")

    def set_alert_routes(self, routes: Json) -> Json:
        """The whole of it, with the `version` that it changes; what is left out is as it is by default."""
        return self._call("PUT", "/alerts/routes", body=routes)

    def alert_channels(self) -> list[Json]:
        items: list[Json] = self._call("GET", "/alerts/channels")["items"]
        return items

    def add_alert_channel(self, name: str, hook_url: str, *, categories: list[str] | None = None) -> Json:
        """`hook_url`: of a Slack incoming webhook. It is shown to nobody again."""
        body = {"name": name, "hook_url": hook_url} | given(categories=categories)
        return self._call("POST", "/alerts/channels", body=body)

    def remove_alert_channel(self, channel_id: str) -> None:
        self._call("DELETE", f"/alerts/channels/{segment(channel_id)}")

    def alert_suppressions(self) -> list[Json]:
        items: list[Json] = self._call("GET", "/alerts/suppressions")["items"]
        return items

    def suppress_alerts(
        self,
        *,
        ends_at: str,
        reason: str,
        category: str | None = None,
        kind: str | None = None,
        node_id: str | None = None,
        starts_at: str | None = None,
        includes_critical: bool = False,
    ) -> Json:
        """Tell nobody of alerts that match all that is given, until then. They stay in the history."""
        which = given(category=category, kind=kind, node_id=node_id, starts_at=starts_at)
        body = which | {"ends_at": ends_at, "reason": reason, "includes_critical": includes_critical}
        return self._call("POST", "/alerts/suppressions", body=body)

    def end_suppression(self, suppression_id: str) -> None:
        self._call("DELETE", f"/alerts/suppressions/{segment(suppression_id)}")

    def contact(self) -> Json:
        """How the caller is reached, and when he is not."""
        return self._call("GET", "/contacts/me")

    def set_quiet_hours(
        self, time_zone: str | None, begins: str = "22:00", until: str = "07:00", days: list[int] | None = None
    ) -> Json:
        """By the clock of `time_zone`; None: there are none. `days` on which they begin, 1 is Monday."""
        hours = None
        if time_zone is not None:
            hours = {"time_zone": time_zone, "begins": begins, "until": until} | given(days=days)
        return self._call("PUT", "/contacts/me", body={"quiet_hours": hours})

    def send_phone_code(self, phone: str) -> None:
        self._call("POST", "/contacts/me/phone", body={"phone": phone})

    def confirm_phone(self, code: str) -> Json:
        return self._call("POST", "/contacts/me/phone/verify", body={"code": code})

    def remove_phone(self) -> None:
        self._call("DELETE", "/contacts/me/phone")
