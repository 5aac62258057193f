import { describe, expect, it } from "vitest";
import { Problem } from "../../../api/problem";
import { differences, routesProblem, withAudience, withChannel, withGroups, withRoles } from "./routing";
import type { Routes } from "./words";

const routes: Routes = {
  version: 3,
  routes: { RISK: ["ADMIN", "RISK"], SYSTEM: ["DEVOPS"] },
  audiences: { RISK: { roles: ["risk_manager"], group_ids: ["g1"] } },
  channels: { WARNING: ["EMAIL", "WEBHOOK", "WEBSOCKET"] },
};
const name = (id: string) => `group ${id}`;

describe("the routing matrix", () => {
  it("differs by what was added and removed", () => {
    const draft = withAudience(withAudience(routes, "RISK", "USER", true), "RISK", "ADMIN", false);
    expect(differences(routes, draft, name)).toEqual([{ of: "RISK", added: ["USER"], removed: ["ADMIN"] }]);
  });

  it("does not differ when a change was taken back, and is not changed itself", () => {
    const draft = withChannel(routes, "WARNING", "SMS", true);
    expect(differences(routes, draft, name)).toEqual([{ of: "WARNING", added: ["SMS"], removed: [] }]);
    expect(differences(routes, withChannel(draft, "WARNING", "SMS", false), name)).toEqual([]);
    expect(routes.channels.WARNING).toEqual(["EMAIL", "WEBHOOK", "WEBSOCKET"]);
  });

  it("is refused at the row that the server names", () => {
    const error = new Problem(422, {
      detail: "what is CRITICAL is told by EMAIL at least",
      field: "channels.CRITICAL",
    });
    expect(routesProblem(error)).toEqual({
      fields: { "channels.CRITICAL": "what is CRITICAL is told by EMAIL at least" },
      rest: null,
    });
    expect(routesProblem(new Problem(409, { detail: "somebody was faster" })).rest).toBe(
      "somebody was faster",
    );
  });

  it("takes nobody in twice", () => {
    expect(withAudience(routes, "RISK", "RISK", true).routes.RISK).toEqual(["ADMIN", "RISK"]);
  });

  it("keeps an audience's groups when its roles change, and the other way", () => {
    expect(withRoles(routes, "RISK", ["auditor"]).audiences.RISK).toEqual({
      roles: ["auditor"],
      group_ids: ["g1"],
    });
    const draft = withGroups(routes, "RISK", ["g2"]);
    expect(draft.audiences.RISK?.roles).toEqual(["risk_manager"]);
    expect(differences(routes, draft, name)).toEqual([
      { of: "RISK", added: ["group g2"], removed: ["group g1"] },
    ]);
  });

  it("says of an audience that had nobody who is in it now", () => {
    expect(differences(routes, withRoles(routes, "SUPPORT", ["trader"]), name)).toEqual([
      { of: "SUPPORT", added: ["trader"], removed: [] },
    ]);
  });
});
