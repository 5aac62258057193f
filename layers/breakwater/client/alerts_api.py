"""The client's calls about alerts: who was told, who took them up, and who is on call."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json, Page


class AlertCalls(Connection):
    def alerts(self, *, cursor: str | None = None) -> Page:
        return self._page("/alerts", cursor=cursor)

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
