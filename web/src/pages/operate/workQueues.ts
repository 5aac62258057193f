import type { components } from "../../api/schema";

type Consumer = components["schemas"]["Consumer"];

const NOT_A_QUEUE = "outbox"; // The relay's table: it has no dead letters.

export interface QueueChoice {
  readonly value: string;
  readonly label: string;
}

/** Every queue with how many dead letters it has; the chosen one also where it is not known (any more). */
export function withDeadLetters(consumers: readonly Consumer[], chosen: string): readonly QueueChoice[] {
  const known = consumers
    .filter((consumer) => consumer.queue !== NOT_A_QUEUE)
    .map(({ queue, dead_letters }) => ({
      value: queue,
      label: dead_letters === 0 ? queue : `${queue} (${dead_letters})`,
    }));
  const isKnown = chosen === "" || known.some((each) => each.value === chosen);
  return isKnown ? known : [...known, { value: chosen, label: chosen }];
}

/** A body as people read it: JSON with its lines, anything else as it is. */
export function readableBody(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
