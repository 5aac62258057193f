import { describe, expect, it } from "vitest";
import { Alerts, type LiveAlert } from "./alerts";
import { BACKOFF_MS_FIRST } from "./connection";
import { TestWorld } from "./testWorld";

function item(alert_id: string) {
  return {
    alert_id,
    kind: "POSITION",
    severity: "WARNING",
    title: alert_id,
    body: "",
    created_at: "2026-01-02T03:04:05.000Z",
  };
}

function snapshot(...ids: string[]) {
  return { type: "snapshot", channel: "alerts", account_id: "a", sequence: 1, items: ids.map(item) };
}

function event(event_id: string, topic: string, payload: object) {
  const envelope = { event_id, topic, account_id: "a", occurred_at_ns: 5_000_000, payload };
  return { type: "update", channel: "alerts", account_id: "a", sequence: 2, event: envelope };
}

async function listening() {
  const world = new TestWorld();
  const alerts = new Alerts("wss://notifications/live", world);
  const heard: LiveAlert[] = [];
  const leave = alerts.listen((alert) => heard.push(alert));
  await world.pass(0);
  world.socket.opened();
  await world.pass(0);
  return { world, alerts, heard, leave };
}

describe("alerts", () => {
  it("are told once each, and not those that were there before", async () => {
    const { world, heard } = await listening();
    expect(world.socket.sent).toEqual([{ action: "subscribe", channel: "alerts" }]);
    world.say(snapshot("old"));
    for (const event_id of ["1", "1", "2"]) {
      world.say(event(event_id, "alerts.AlertRaised.v2", { ...item("new"), title: "<b>" }));
    }
    world.say(event("3", "alerts.AlertAcknowledged.v1", { ...item("new"), acknowledged_by: "risk" }));
    world.say(event("4", "alerts.SomethingElse.v9", item("new")));
    expect(heard.map((alert) => [alert.what, alert.title, alert.acknowledged_by])).toEqual([
      ["RAISED", "<b>", null],
      ["ACKNOWLEDGED", "new", "risk"],
    ]);
    expect(heard[0]?.at).toBe(5);
  });

  it("that came while the connection was lost are told when it is back", async () => {
    const { world, heard } = await listening();
    world.say(snapshot("old"));
    world.socket.closed(1006);
    await world.pass(BACKOFF_MS_FIRST);
    world.socket.opened();
    world.say(snapshot("missed later", "missed", "old"));
    expect(heard.map((alert) => alert.alert_id)).toEqual(["missed", "missed later"]);
  });

  it("say why nothing is told", async () => {
    const { world, alerts } = await listening();
    world.say({ type: "error", code: "INVALID_REQUEST", detail: "name one account_id" });
    expect(alerts.error()).toBe("name one account_id");
  });

  it("end a moment after nobody listens", async () => {
    const { world, alerts, leave } = await listening();
    leave();
    await world.pass(5_000);
    expect(alerts.state().kind).toBe("IDLE");
    expect(world.socket.isClosed).toBe(true);
  });
});
