import { describe, expect, it } from "vitest";
import { readableBody, withDeadLetters } from "./workQueues";

const consumer = (queue: string, dead_letters: number) => ({
  queue,
  dead_letters,
  state: "OK" as const,
  lag_s: 0,
  visible: 0,
  in_flight: 0,
  delayed: 0,
  sampled_at: "",
});

describe("the queues to choose from", () => {
  const told = [consumer("alerts", 0), consumer("outbox", 0), consumer("webhooks", 3)];

  it("are those that have dead letters at all, with how many", () => {
    expect(withDeadLetters(told, "")).toEqual([
      { value: "alerts", label: "alerts" },
      { value: "webhooks", label: "webhooks (3)" },
    ]);
  });

  it("have the one of the address, known or not, once", () => {
    expect(withDeadLetters(told, "alerts")).toHaveLength(2);
    expect(withDeadLetters([], "alerts")).toEqual([{ value: "alerts", label: "alerts" }]);
  });
});

it.each([
  ['{"a":1}', '{\n  "a": 1\n}'],
  ["<b>no JSON", "<b>no JSON"],
])("the body %s is shown so that one can read it", (body, shown) => {
  expect(readableBody(body)).toBe(shown);
});
