import { Badge, Group, Text, Timeline } from "@mantine/core";
import { shownTime } from "../../../ui/times";
import { between, type Chapter, spanOf } from "./story";

const TELLERS: Readonly<Record<Chapter["teller"], string>> = {
  YOU: "request",
  SAGA: "platform",
  EXCHANGE: "exchange",
  LIMITS: "limits",
  ROUTER: "router",
};
const TONES: Readonly<Record<Chapter["tone"], string>> = {
  PLAIN: "gray",
  GOOD: "teal",
  BAD: "red",
  WAITS: "orange",
};
const PRECISE = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Each thing that happened, when, and how long after the one before. */
export function TimeLine({ chapters }: { chapters: readonly Chapter[] }) {
  return (
    <Timeline active={chapters.length} bulletSize={14} lineWidth={2} aria-label="What happened">
      {chapters.map((chapter, index) => {
        const before = chapters[index - 1];
        return (
          <Timeline.Item key={chapter.key} color={TONES[chapter.tone]} title={<Title chapter={chapter} />}>
            {chapter.detail !== null && chapter.detail !== "" && (
              <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                {chapter.detail}
              </Text>
            )}
            <Text size="xs" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
              <time dateTime={chapter.at} title={shownTime(chapter.at)}>
                {preciseTime(chapter.at)}
              </time>
              {before !== undefined && `, ${between(before.at, chapter.at)} later`}
              {chapter.tookMs !== null && `, took ${spanOf(chapter.tookMs * 1_000)}`}
            </Text>
          </Timeline.Item>
        );
      })}
    </Timeline>
  );
}

function Title({ chapter }: { chapter: Chapter }) {
  return (
    <Group gap="xs">
      <Text size="sm" fw={600}>
        {chapter.title}
      </Text>
      <Badge size="xs" variant="default" tt="none">
        {TELLERS[chapter.teller]}
      </Badge>
    </Group>
  );
}

/** With milliseconds: between two things that happen to an order there is often less than a second. */
function preciseTime(at: string): string {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime())
    ? at
    : `${PRECISE.format(moment)} .${String(moment.getMilliseconds()).padStart(3, "0")}`;
}
