import { describe, expect, it } from "vitest";
import { PUBLIC_FILES } from "./files";
import { cacheName, outdated, pushOf, sourceOf } from "./shell";

const ORIGIN = "https://app.example";

describe("what is kept", () => {
  it.each([
    ["GET", "navigate", `${ORIGIN}/orders/1`, "PAGE"],
    ["GET", "cors", `${ORIGIN}/assets/index-abc.js`, "FILE"],
    ["GET", "cors", `${ORIGIN}/config.json`, "NETWORK"],
    ["GET", "cors", `${ORIGIN}/worker.js`, "NETWORK"],
    ["GET", "cors", "https://api.example/assets/prices", "NETWORK"],
    ["GET", "cors", "https://api.example/orders", "NETWORK"],
    ["POST", "cors", `${ORIGIN}/assets/x`, "NETWORK"],
  ])("%s %s %s is answered by %s", (method, mode, url, source) => {
    expect(sourceOf({ method, mode, url }, ORIGIN)).toBe(source);
  });

  it("is all that lies in public", () => {
    const found = Object.keys(import.meta.glob("../public/*")).map((path) => path.replace("../public", ""));
    expect(PUBLIC_FILES).toEqual(found.sort());
  });

  it("has a name of its files", () => {
    expect(cacheName(["/a", "/b"])).toBe(cacheName(["/a", "/b"]));
    expect(cacheName(["/a", "/b"])).not.toBe(cacheName(["/a", "/c"]));
  });

  it("is forgotten two versions later, and what others keep is left alone", () => {
    expect(outdated(["shell-1", "other", "shell-2", "shell-3"], "shell-3")).toEqual(["shell-1"]);
    expect(outdated(["shell-2", "shell-3"], "shell-3")).toEqual([]);
  });
});

describe("a push", () => {
  const id = "6b7f6d1a-5a41-4c53-9f3e-3c1f6c8a2b10";

  it("opens its alert", () => {
    const told = { alert_id: id, severity: "CRITICAL", title: "Desk A is KILLED", note: null };
    expect(pushOf(JSON.stringify(told))).toEqual({
      title: "CRITICAL: Desk A is KILLED",
      body: "",
      tag: id,
      address: `/alerts/${id}`,
      isUrgent: true,
    });
  });

  it.each(["", "not JSON", "null", '{"alert_id": "https://elsewhere.example"}'])(
    "that cannot be read leads to the list: %s",
    (text) => {
      expect([pushOf(text).address, pushOf(text).title]).toEqual(["/alerts", "Breakwater"]);
    },
  );
});
