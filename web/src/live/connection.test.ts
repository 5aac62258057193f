import { describe, expect, it } from "vitest";
import { BACKOFF_MS_FIRST, BACKOFF_MS_MAX, Connection, REFUSED } from "./connection";
import { TestWorld } from "./testWorld";

function connected(rules = { silenceMsMax: 20_000 }) {
  const world = new TestWorld();
  const opened: boolean[] = [];
  const heard: string[] = [];
  const connection = new Connection("ws://engine/channels", world, rules, {
    opened: (isAfterRefusal) => opened.push(isAfterRefusal),
    heard: (message) => heard.push(message.type),
    changed: () => undefined,
  });
  connection.start();
  return { world, connection, opened, heard };
}

async function live() {
  const made = connected();
  await made.world.pass(0);
  made.world.socket.opened();
  return made;
}

describe("a connection", () => {
  it("is opened with the session's token, and hears what it understands", async () => {
    const { world, connection, heard } = await live();
    expect(world.socket.url).toBe("ws://engine/channels?token=first");
    for (const text of ["no json", "[]", "7", new ArrayBuffer(8)]) world.socket.heard(text);
    world.say({ type: "heartbeat" });
    expect(heard).toEqual(["heartbeat"]);
    expect(connection.current()).toEqual({ kind: "LIVE" });
  });

  it("that was lost is stale since its last word, and opened again", async () => {
    const { world, connection, opened } = await live();
    await world.pass(5_000);
    world.say({ type: "heartbeat" });
    const heardAt = world.now();
    await world.pass(2_000);
    world.socket.closed(1006);
    expect(connection.current()).toEqual({ kind: "STALE", since: heardAt });
    await world.pass(BACKOFF_MS_FIRST);
    world.socket.opened();
    expect(world.sockets).toHaveLength(2);
    expect(connection.current()).toEqual({ kind: "LIVE" });
    expect(opened).toEqual([false, false]);
  });

  it("waits longer after each failure, up to a bound", async () => {
    const { world } = connected();
    await world.pass(0);
    const waits: number[] = [];
    for (let failure = 0; failure < 8; failure += 1) {
      const before = world.now();
      const count = world.sockets.length;
      world.socket.closed(1006);
      world.tokens.push(`another ${failure}`);
      for (let tick = 0; tick < 100 && world.sockets.length === count; tick += 1) await world.pass(250);
      waits.push(world.now() - before);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, ...Array(3).fill(BACKOFF_MS_MAX)]);
  });

  it("without a word for longer than a heartbeat is taken for lost", async () => {
    const { world, connection } = await live();
    await world.pass(19_000);
    expect(connection.current().kind).toBe("LIVE");
    await world.pass(1_500);
    expect(connection.current().kind).toBe("STALE");
    expect(world.sockets[0]?.isClosed).toBe(true);
  });

  it("that is refused asks for another token, and says that it was", async () => {
    const { world, opened } = await live();
    world.tokens = ["first", "second"];
    world.socket.closed(REFUSED);
    await world.pass(BACKOFF_MS_FIRST);
    expect(world.refusals).toEqual(["first"]);
    expect(world.socket.url).toMatch(/token=second$/);
    world.socket.opened();
    expect(opened).toEqual([false, true]);
  });

  it("that has lived its hour goes on with the token that there is", async () => {
    const { world } = await live();
    for (let beat = 0; beat < 240; beat += 1) {
      await world.pass(15_000);
      world.say({ type: "heartbeat" });
    }
    world.socket.closed(REFUSED);
    await world.pass(BACKOFF_MS_FIRST);
    expect(world.refusals).toEqual([]);
    expect(world.sockets).toHaveLength(2);
  });

  it("that cannot be opened twice asks whether it is the token: the browser does not say", async () => {
    const { world } = connected();
    await world.pass(0);
    world.socket.closed(1006);
    await world.pass(500);
    expect(world.refusals).toEqual([]);
    world.tokens = ["first", "second"];
    world.socket.closed(1006);
    await world.pass(1_000);
    expect(world.refusals).toEqual(["first"]);
  });

  it("says no more in a second than the server takes", async () => {
    const { world, connection } = await live();
    for (let count = 0; count < 50; count += 1) connection.send({ action: "subscribe", count });
    await world.pass(1_000);
    expect(world.socket.sent.length).toBeGreaterThan(10);
    expect(world.socket.sent.length).toBeLessThanOrEqual(18);
    world.say({ type: "heartbeat" });
    await world.pass(3_000);
    expect(world.socket.sent.map((message) => message.count)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  it("asks for a word where the server says none by itself", async () => {
    const { world } = connected({ silenceMsMax: 80_000, pingEveryMs: 60_000 } as { silenceMsMax: number });
    await world.pass(0);
    world.socket.opened();
    await world.pass(61_000);
    expect(world.socket.sent).toEqual([{ action: "ping" }]);
    world.say({ type: "pong" });
    await world.pass(40_000);
    expect(world.sockets).toHaveLength(1);
  });

  it("that is stopped hears nothing more, and does not come back", async () => {
    const { world, connection, heard } = await live();
    connection.stop();
    world.say({ type: "heartbeat" });
    world.socket.closed(1006);
    await world.pass(60_000);
    expect(heard).toEqual([]);
    expect(world.sockets).toHaveLength(1);
    expect(connection.current()).toEqual({ kind: "IDLE" });
  });

  it("tries at once when the browser is online again", async () => {
    const { world, connection } = await live();
    world.socket.closed(1006);
    connection.hurry();
    await world.pass(0);
    expect(world.sockets).toHaveLength(2);
  });
});
