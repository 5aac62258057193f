import { describe, expect, it } from "vitest";
import { type Refreshed, Session, type SessionWorld } from "./session";

/** Tabs of one browser: a clock of their own, a server that knows one refresh token, a channel between them. */
class Browser {
  now = 0;
  refreshes = 0;
  answer: Refreshed = {
    kind: "TOKENS",
    tokens: { access_token: "second", refresh_token: "r", expires_in: 3600 },
  };
  private readonly channels: { onmessage: SessionWorld["tabs"]["onmessage"] }[] = [];

  tab(stored: string | null = null): { session: Session; kept: Map<string, string> } {
    const kept = new Map(stored === null ? [] : [["breakwater.refresh_token", stored]]);
    const channel: SessionWorld["tabs"] = {
      onmessage: null,
      postMessage: (data: unknown) => {
        for (const other of this.channels) {
          if (other !== channel) other.onmessage?.call(other as BroadcastChannel, { data } as MessageEvent);
        }
      },
    };
    this.channels.push(channel);
    const session = new Session({
      refresh: async () => {
        this.refreshes += 1;
        return this.answer;
      },
      storage: {
        getItem: (name) => kept.get(name) ?? null,
        setItem: (name, value) => void kept.set(name, value),
        removeItem: (name) => void kept.delete(name),
      },
      tabs: channel,
      wait: async (milliseconds) => {
        this.now += milliseconds;
      },
      now: () => this.now,
    });
    return { session, kept };
  }
}

const TOKENS = { access_token: "first", refresh_token: "r", expires_in: 3600 };

describe("a session", () => {
  it("that was never begun is signed out", async () => {
    const { session } = new Browser().tab();
    await session.start();
    expect(session.current()).toEqual({ kind: "SIGNED_OUT" });
  });

  it("goes on after a reload with what the tab has kept", async () => {
    const { session } = new Browser().tab("r");
    await session.start();
    expect(session.current()).toEqual({ kind: "SIGNED_IN", accessToken: "second" });
  });

  it("keeps the refresh token alone", () => {
    const { session, kept } = new Browser().tab();
    session.signedIn(TOKENS);
    expect([...kept.values()]).toEqual(["r"]);
  });

  it("waits at its start for a server that does not answer, and stays signed in", async () => {
    const browser = new Browser();
    const { session, kept } = browser.tab("r");
    const reached = browser.answer;
    browser.answer = { kind: "UNREACHABLE" };
    const starting = session.start();
    await Promise.resolve();
    browser.answer = reached;
    await starting;
    expect(session.current().kind).toBe("SIGNED_IN");
    expect(kept.size).toBe(1);
  });

  it("that the server has ended is over, and nothing of it is kept", async () => {
    const browser = new Browser();
    browser.answer = { kind: "ENDED" };
    const { session, kept } = browser.tab("r");
    await session.start();
    expect(session.current()).toEqual({ kind: "SIGNED_OUT" });
    expect(kept.size).toBe(0);
  });

  it("is refreshed once for all who ask shortly before its token ends", async () => {
    const browser = new Browser();
    const { session } = browser.tab();
    session.signedIn(TOKENS);
    browser.now = 3_541_000;
    expect(await Promise.all([session.accessToken(), session.accessToken()])).toEqual(["second", "second"]);
    expect(browser.refreshes).toBe(1);
  });

  it("gives another token after a refusal, and none when there is no other", async () => {
    const browser = new Browser();
    const { session } = browser.tab();
    session.signedIn(TOKENS);
    expect(await session.afterRefusalOf("first")).toBe("second");
    browser.answer = { kind: "UNREACHABLE" };
    expect(await session.afterRefusalOf("second")).toBeNull();
    expect(session.current().kind).toBe("SIGNED_IN");
  });

  it("is the same in a tab that is opened later", async () => {
    const browser = new Browser();
    browser.tab().session.signedIn(TOKENS);
    const { session } = browser.tab();
    await session.start();
    expect(session.current().kind).toBe("SIGNED_IN");
  });

  it("ends in all tabs at once", async () => {
    const browser = new Browser();
    const one = browser.tab();
    const other = browser.tab();
    one.session.signedIn(TOKENS);
    await other.session.accessToken();
    other.session.signedOut();
    expect(one.session.current()).toEqual({ kind: "SIGNED_OUT" });
    expect(one.kept.size).toBe(0);
  });

  it("is not brought back by an answer that comes after somebody signed out", async () => {
    const browser = new Browser();
    const { session } = browser.tab();
    session.signedIn(TOKENS);
    const asking = session.afterRefusalOf("first");
    session.signedOut();
    await asking;
    expect(session.current()).toEqual({ kind: "SIGNED_OUT" });
  });
});
