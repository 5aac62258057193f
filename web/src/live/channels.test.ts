import { describe, expect, it } from "vitest";
import { ASK_AGAIN_MS, Channels, LINGER_MS, REFRESH_MS } from "./channels";
import { BACKOFF_MS_FIRST, REFUSED } from "./connection";
import { Frames } from "./frames";
import { TestWorld } from "./testWorld";

const ETH = { channel: "markets", symbol: "ETH/USDT" } as const;
const ASK_ETH = { action: "subscribe", channel: "markets", symbol: "ETH/USDT" };
const BOOK = {
  type: "snapshot",
  channel: "markets",
  venue: "SIM",
  symbol: "ETH/USDT",
  sequence: 5,
  at: "2026-01-02T03:04:05.000000Z",
  tick_size: "0.01",
  lot_size: "0.1",
  bids: [["99.90", "1.0"]],
  asks: [],
  trades: [],
};

function made() {
  const world = new TestWorld();
  const frames = new Frames({ nextFrame: (run) => void world.later(run, 16), now: world.now });
  return { world, channels: new Channels("ws://engine/channels", world, frames) };
}

async function opened(scene: ReturnType<typeof made>) {
  await scene.world.pass(0);
  scene.world.socket.opened();
  await scene.world.pass(200);
}

async function lostAndOpened({ world }: ReturnType<typeof made>, code = 1006) {
  world.socket.closed(code);
  await world.pass(BACKOFF_MS_FIRST);
  world.socket.opened();
  await world.pass(200);
}

function positions(account_id: string, sequence: number, quantity: string) {
  const items = [{ symbol: "ETH/USDT", quantity, average_price: "1", realised_pnl: "0", updated_at: "" }];
  return { type: "snapshot", channel: "positions", account_id, sequence, items, is_complete: true };
}

function filled(account_id: string, previous_sequence: number, sequence: number) {
  const event = { event_id: `${sequence}`, topic: "limits.ExternalFillBooked.v1", account_id, payload: {} };
  return { type: "update", channel: "positions", account_id, previous_sequence, sequence, event };
}

describe("the channels", () => {
  it("ask once for what many parts want, and stop a moment after the last one left", async () => {
    const scene = made();
    const { world, channels } = scene;
    const leaves = [channels.want(ETH), channels.want(ETH)];
    await opened(scene);
    expect(world.sockets).toHaveLength(1);
    expect(world.socket.sent).toEqual([ASK_ETH]);
    for (const leave of leaves) leave();
    leaves[0]?.();
    await world.pass(LINGER_MS - 1);
    expect(channels.state().kind).toBe("LIVE");
    await world.pass(100);
    expect(channels.state().kind).toBe("IDLE");
  });

  it("do not begin anew for a page that comes right after another", async () => {
    const scene = made();
    const { world, channels } = scene;
    const leave = channels.want(ETH);
    await opened(scene);
    world.say(BOOK);
    leave();
    channels.want(ETH);
    await world.pass(LINGER_MS * 2);
    expect(world.socket.sent).toEqual([ASK_ETH]);
    expect(channels.market("ETH/USDT").view().bids).toHaveLength(1);
  });

  it("tell of changes at frames, however many came", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want(ETH);
    await opened(scene);
    await world.pass(500);
    let told = 0;
    channels.subscribe(() => {
      told += 1;
    });
    world.say(BOOK);
    for (let sequence = 5; sequence < 25; sequence += 1) {
      world.say({ ...BOOK, type: "update", bids: [], previous_sequence: sequence, sequence: sequence + 1 });
    }
    expect(told).toBe(0);
    await world.pass(50);
    expect(told).toBe(1);
  });

  it("subscribe again where something was missed, once", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want(ETH);
    await opened(scene);
    world.say(BOOK);
    for (const previous_sequence of [8, 9]) {
      world.say({ ...BOOK, type: "update", previous_sequence, sequence: previous_sequence + 1 });
    }
    await world.pass(200);
    expect(world.socket.sent).toEqual([ASK_ETH, ASK_ETH]);
  });

  it("take what is not as documented for a gap, and do not ask for it without end", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want(ETH);
    await opened(scene);
    world.say({ ...BOOK, bids: [["99.999", "1.0"]] });
    await world.pass(200);
    expect(world.socket.sent).toHaveLength(1);
    await world.pass(ASK_AGAIN_MS);
    expect(world.socket.sent).toHaveLength(2);
  });

  it("ask for all again after the connection was lost, an account from where it was", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want(ETH);
    channels.want({ channel: "orders", account: null });
    await opened(scene);
    expect(world.socket.sent).toEqual([ASK_ETH, { action: "subscribe", channel: "orders" }]);
    world.say(BOOK);
    for (const account_id of ["a", "b"]) {
      world.say({
        type: "snapshot",
        channel: "orders",
        account_id,
        sequence: 41,
        items: [],
        is_complete: true,
      });
    }
    await lostAndOpened(scene);
    expect(world.socket.sent).toEqual([
      ASK_ETH,
      { action: "subscribe", channel: "orders", account_id: "a", since: 41 },
      { action: "subscribe", channel: "orders", account_id: "b", since: 41 },
    ]);
    expect(channels.accountView("orders", null).state).toBe("READY");
  });

  it("begin anew after a refusal: what one may see may be less", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want({ channel: "orders", account: null });
    await opened(scene);
    world.say({
      type: "snapshot",
      channel: "orders",
      account_id: "a",
      sequence: 1,
      items: [],
      is_complete: true,
    });
    world.tokens = ["first", "second"];
    await lostAndOpened(scene, REFUSED);
    expect(world.socket.sent).toEqual([{ action: "subscribe", channel: "orders" }]);
    expect(channels.accountView("orders", null).state).toBe("LOADING");
  });

  it("know whose error it is by the order of requests", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want(ETH);
    channels.want({ channel: "markets", symbol: "NO/SUCH" });
    await opened(scene);
    world.say(BOOK);
    world.say({ type: "error", code: "NOT_FOUND", detail: "no such market" });
    expect(channels.market("NO/SUCH").view()).toMatchObject({ state: "FAILED", error: "no such market" });
    expect(channels.market("ETH/USDT").view().state).toBe("READY");
    await world.pass(ASK_AGAIN_MS * 2);
    expect(world.socket.sent).toHaveLength(2);
  });

  it("ask again for what cannot be served just now", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want({ channel: "orders", account: "a" });
    await opened(scene);
    world.say({ type: "error", code: "ENGINE_UNAVAILABLE", detail: "the engine is starting" });
    expect(channels.accountView("orders", "a").state).toBe("FAILED");
    await world.pass(ASK_AGAIN_MS);
    world.say({
      type: "snapshot",
      channel: "orders",
      account_id: "a",
      sequence: 1,
      items: [],
      is_complete: true,
    });
    expect(channels.accountView("orders", "a")).toMatchObject({ state: "READY", error: null });
  });

  it("ask for positions again after a fill, until they are as new as it", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want({ channel: "positions", account: "a" });
    await opened(scene);
    world.say(positions("a", 7, "1"));
    world.say(filled("a", 7, 9));
    expect(channels.accountView("positions", "a")).toMatchObject({ isBehind: true });
    await world.pass(REFRESH_MS + 100);
    world.say(positions("a", 8, "1")); // The rows follow the events.
    world.say(filled("a", 8, 9));
    await world.pass(REFRESH_MS + 100);
    world.say(positions("a", 9, "3"));
    expect(channels.accountView("positions", "a")).toMatchObject({
      isBehind: false,
      items: [{ quantity: "3" }],
    });
    await world.pass(REFRESH_MS * 4);
    expect(world.socket.sent).toHaveLength(3);
  });

  it("show nothing of one person to the next", async () => {
    const scene = made();
    const { world, channels } = scene;
    channels.want({ channel: "positions", account: "a" });
    await opened(scene);
    world.say(positions("a", 7, "1"));
    channels.clear();
    expect(channels.accountView("positions", "a").items).toEqual([]);
    expect(channels.state().kind).toBe("IDLE");
    expect(world.sockets[0]?.isClosed).toBe(true);
  });
});
