import { expect, it } from "vitest";
import { iconOf } from "./icons";
import { AREAS } from "./pages";

it("gives every page of the menu an icon of its own", () => {
  const shown = AREAS.flatMap((area) => area.pages).filter((page) => !page.isHidden);
  const icons = shown.map(iconOf);
  const alike = shown.filter((page, at) => icons.indexOf(iconOf(page)) !== at);
  expect(alike.map((page) => page.path)).toEqual([]);
});
