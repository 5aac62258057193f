"""The client's calls about limits: set, see, try out, override, stop. Times are RFC 3339 strings."""

from collections.abc import Sequence
from typing import Any, Unpack, cast

from breakwater.client.connection import Connection, given, segment
from breakwater.client.order_terms import OrderOptions, order_body
from breakwater.client.pages import every
from breakwater.client.shapes import Amount, Json, Page, amount_text


class LimitCalls(Connection):
    # -- seeing --------------------------------------------------------------------------------------------------

    def limit_types(self) -> list[Json]:
        """Every type with its unit, its line, and the parameters it takes."""
        types: list[Json] = self._call("GET", "/limits/types")["items"]
        return types

    def limits_tree(self, node_id: str | None = None) -> Json:
        """`items`: the topmost nodes that the caller sees, or this one; each with `limits` and `children`."""
        return self._call("GET", "/limits/tree", params=given(node_id=node_id))

    def limits_usage(self, node_id: str) -> Json:
        """One node: `items` are its limits in force with their use, `planned` those to come or exempted from."""
        return self._call("GET", "/limits/usage", params={"node_id": node_id})

    def limit_history(self, limit_id: str) -> list[Json]:
        """Every version it had, the first one first; also of a limit that was deleted."""
        versions: list[Json] = self._call("GET", f"/limits/{segment(limit_id)}/history")["items"]
        return versions

    def reservations(
        self, *, node_id: str | None = None, order_id: str | None = None, cursor: str | None = None
    ) -> Page:
        """What open orders hold now, the newest first; of one order also what it has given back."""
        return self._page("/limits/reservations", node_id=node_id, order_id=order_id, cursor=cursor)

    def leases(self, *, node_id: str | None = None, living_only: bool = True) -> list[Json]:
        """What the engine may trade by itself; with the leases that are over and hold nothing unless `living_only`."""
        params = given(node_id=node_id) | {"living_only": "true" if living_only else "false"}
        leases: list[Json] = self._call("GET", "/limits/leases", params=params)["items"]
        return leases

    def breaches(self, *, node_id: str | None = None, cursor: str | None = None) -> Page:
        """What limits refused and warned of, and how nodes changed their state, the newest first."""
        return self._page("/limits/breaches", node_id=node_id, cursor=cursor)

    # -- trying out ----------------------------------------------------------------------------------------------

    def validate(
        self,
        account_id: str,
        symbol: str,
        side: str,
        quantity: Amount,
        *,
        price: Amount | None = None,
        **options: Unpack[OrderOptions],
    ) -> Json:
        """What the limits would say to this order now; reserves nothing."""
        body = order_body(account_id, symbol, side, quantity, price=price, **options)
        return self._call("POST", "/limits/validate", body=body, repeatable=True)

    def what_if(self, day: str, changes: Sequence[Json], *, node_id: str | None = None) -> Json:
        """A recorded day's orders against changed limits, each in the shape of POST /limits; changes nothing."""
        body = {"day": day, "changes": list(changes)} | given(node_id=node_id)
        return self._call("POST", "/limits/what-if", body=body, repeatable=True)

    # -- setting -------------------------------------------------------------------------------------------------

    def set_limit(
        self,
        node_id: str,
        limit_type: str,
        *,
        value: Amount | None = None,
        instrument: str = "*",
        parameters: Json | None = None,
        currency: str | None = None,
        action: str | None = None,
        thresholds_pct: Sequence[int] | None = None,
        valid_from: str | None = None,
        valid_until: str | None = None,
        limit_id: str | None = None,
        version: int | None = None,
    ) -> Json:
        """Creates the node's limit of that type and instrument, or replaces it whole: nothing of it is kept.

        With `version` it replaces that version only; otherwise Problem VERSION_CONFLICT carries `current` and `yours`.
        """
        body = setting(
            node_id,
            limit_type,
            value=value,
            instrument=instrument,
            parameters=parameters,
            currency=currency,
            action=action,
            thresholds_pct=thresholds_pct,
            valid_from=valid_from,
            valid_until=valid_until,
            limit_id=limit_id,
            version=version,
        )
        return self._call("POST", "/limits", body=body)

    def delete_limit(self, limit_id: str) -> None:
        self._call("DELETE", f"/limits/{segment(limit_id)}")

    def overrides(self, *, open_only: bool = True) -> list[Json]:
        """Asked for, approved and in force, the newest first; with the ended ones unless `open_only`."""

        def page(cursor: str | None) -> Page:
            wanted = {"open_only": "true" if open_only else "false"} | given(cursor=cursor)
            return cast(Page, self._call("GET", "/limits/overrides", params=wanted))

        return list(every(page))

    def request_override(
        self,
        limit_id: str,
        value: Amount | None = None,
        *,
        ends_at: str,
        reason: str,
        parameters: Json | None = None,
        is_exempt: bool = False,
        starts_at: str | None = None,
    ) -> Json:
        """Another value or other parameters until `ends_at`, or the limit does not hold (`is_exempt`).

        It counts once somebody else has approved it.
        """
        body = {"limit_id": limit_id, "ends_at": ends_at, "reason": reason} | given(
            value=None if value is None else amount_text("value", value),
            parameters=parameters,
            is_exempt=is_exempt or None,
            starts_at=starts_at,
        )
        return self._call("POST", "/limits/overrides", body=body)

    def approve_override(self, override_id: str) -> Json:
        return self._call("POST", f"/limits/overrides/{segment(override_id)}/approve")

    def end_override(self, override_id: str) -> Json:
        """Before its time; also takes a request back."""
        return self._call("POST", f"/limits/overrides/{segment(override_id)}/end", repeatable=True)

    def risk_terms(self) -> list[Json]:
        """What the firm says of instruments: average volume, margin, sector, volatility."""
        terms: list[Json] = self._call("GET", "/limits/risk-terms")["items"]
        return terms

    def set_risk_terms(
        self,
        symbol: str,
        *,
        average_daily_qty: Amount | None = None,
        initial_margin: Amount | None = None,
        sector: str | None = None,
        daily_volatility: Amount | None = None,
        as_of: str | None = None,
    ) -> Json:
        """Replaces what is said of the instrument: what is left out is not known then."""
        amounts = {
            "average_daily_qty": average_daily_qty,
            "initial_margin": initial_margin,
            "daily_volatility": daily_volatility,
        }
        said = {name: amount_text(name, amount) for name, amount in amounts.items() if amount is not None}
        body = {"symbol": symbol} | said | given(sector=sector, as_of=as_of)
        return self._call("PUT", "/limits/risk-terms", body=body, repeatable=True)

    def book_external_fill(
        self,
        account_id: str,
        symbol: str,
        side: str,
        quantity: Amount,
        *,
        price: Amount,
        external_id: str,
        transact_time: str,
        fee: Amount | None = None,
        fee_currency: str | None = None,
        venue: str | None = None,
    ) -> Json:
        """A fill that the platform did not originate; the same `external_id` is booked once, however often it is sent.

        `reduce_only`: the nodes that only reduce for it, until somebody re-arms them.
        """
        body: Json = {
            "account_id": account_id,
            "external_id": external_id,
            "symbol": symbol,
            "side": side,
            "quantity": amount_text("quantity", quantity),
            "price": amount_text("price", price),
            "transact_time": transact_time,
        }
        if fee is not None:
            body["fee"] = amount_text("fee", fee)
        body |= given(fee_currency=fee_currency, venue=venue)
        return self._call("POST", "/limits/external-fills", body=body, repeatable=True)

    # -- what the engine may trade by itself ---------------------------------------------------------------------

    def open_lease(
        self,
        account_id: str,
        symbol: str,
        *,
        buy_max: Amount = "0",
        sell_max: Amount = "0",
        orders_max: int,
        venue: str | None = None,
        strategy_id: str | None = None,
        api_key_id: str | None = None,
    ) -> Json:
        """Lets the engine take orders of the account by itself: so much may be free for them at a time, in base units.

        One that is open gets these sizes. `is_answered` false: the engine has not said yet that it goes by it.
        """
        body = {
            "account_id": account_id,
            "symbol": symbol,
            "buy_max": amount_text("buy_max", buy_max),
            "sell_max": amount_text("sell_max", sell_max),
            "orders_max": orders_max,
        }
        return self._call(
            "POST", "/limits/leases", body=body | given(venue=venue, strategy_id=strategy_id, api_key_id=api_key_id)
        )

    def stop_lease(self, lease_id: str) -> Json:
        """No order passes by it any more; what none has taken is given back when the engine has answered."""
        return self._call("DELETE", f"/limits/leases/{segment(lease_id)}", repeatable=True)

    # -- the tree itself -----------------------------------------------------------------------------------------

    def nodes(self, find: str | None = None) -> list[Json]:
        """All that the caller sees, parents before children; or those with this name or beginning of their id."""
        nodes: list[Json] = self._call("GET", "/limits/nodes", params=given(find=find))["items"]
        return nodes

    def create_node(self, parent_id: str, kind: str, name: str, *, api_key_id: str | None = None) -> Json:
        """A DESK, TRADER, STRATEGY, or the API_KEY that `api_key_id` names."""
        body = {"parent_id": parent_id, "kind": kind, "name": name} | given(api_key_id=api_key_id)
        return self._call("POST", "/limits/nodes", body=body)

    def change_node(
        self,
        node_id: str,
        *,
        name: str | None = None,
        parent_id: str | None = None,
        time_zone: str | None = None,
        session_start: str | None = None,
    ) -> Json:
        """What is left out stays. `session_start` (HH:MM) and `time_zone` are those of all nodes below as well."""
        body = given(name=name, parent_id=parent_id, time_zone=time_zone, session_start=session_start)
        return self._call("PATCH", f"/limits/nodes/{segment(node_id)}", body=body, repeatable=True)

    def delete_node(self, node_id: str) -> None:
        self._call("DELETE", f"/limits/nodes/{segment(node_id)}")

    # -- stopping ------------------------------------------------------------------------------------------------

    def kill(self, node_id: str, reason: str) -> Json:
        """Stops new orders at the node and below, and cancels the open ones. `failed` may still be open.

        `leases_not_stopped`: the engine may go by these until they run out, or have open orders of them.
        """
        return self._call("POST", "/limits/kill", body={"node_id": node_id, "reason": reason})

    def brake(self, node_id: str, state: str, reason: str) -> Json:
        """REDUCE_ONLY or SUSPENDED: open orders stay. It never lets go of what is stopped by more."""
        return self._call("POST", "/limits/brake", body={"node_id": node_id, "state": state, "reason": reason})

    def rearm(self, node_id: str, reason: str) -> Json:
        return self._call("POST", "/limits/rearm", body={"node_id": node_id, "reason": reason})

    def heartbeat(self, account_id: str | None = None) -> Json:
        """Of the account, or of the API key that calls; `expires_at` is when silence cancels its orders."""
        return self._call("POST", "/limits/heartbeat", body=given(account_id=account_id), repeatable=True)


def setting(
    node_id: str,
    limit_type: str,
    *,
    value: Amount | None = None,
    thresholds_pct: Sequence[int] | None = None,
    parameters: Json | None = None,
    **more: Any,
) -> Json:
    """The body of POST /limits, and one change of a what-if; TypeError for a value that is a float."""
    body: Json = {"node_id": node_id, "limit_type": limit_type} | given(**more)
    if value is not None:
        body["value"] = amount_text("value", value)
    if thresholds_pct is not None:
        body["thresholds_pct"] = list(thresholds_pct)
    if parameters:
        body["parameters"] = parameters
    return body
