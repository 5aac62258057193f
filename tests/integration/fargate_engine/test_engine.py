"""The whole engine over HTTP: orders in, snapshots out, the same after a restart."""


from tests.integration.fargate_engine.conftest import MARKET, StartEngine, order_body


async def test_an_order_is_taken_traded_and_cancelled(start_engine: StartEngine) -> None:
    async with start_engine() as engine:
        resting = await engine.submit()
        assert (resting["status"], resting["leaves_qty"]) == ("NEW", "0.5")

        taken = await engine.submit(**MARKET)
        assert (taken["status"], taken["cum_qty"]) == ("FILLED", "0.5")

        path = f"/internal/orders/{resting['order_id']}?tenant_id={order_body()['tenant_id']}"
        status, cancelled = await engine.call("DELETE", path)
        assert (status, cancelled["status"]) == (200, "CANCELED")
        assert cancelled["engine_seq"] > resting["engine_seq"]
