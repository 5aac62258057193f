import { Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconFlame, IconHelp, IconLock } from "@tabler/icons-react";
import type { CSSProperties } from "react";
import { shownAmount } from "../../../ui/amounts";
import { barOf, LEVEL_COLOURS, LEVEL_WORDS, levelOf, type UseLevel } from "../model/limitUse";
import { limitName } from "../model/limitWords";
import type { Limit } from "../model/types";
import classes from "./UseBar.module.css";

const SIGNS = { WARNED: IconAlertTriangle, HIGH: IconFlame, FULL: IconLock, UNKNOWN: IconHelp } as const;

/** Used, reserved and leased against what is allowed; the level by sign and word as well as by colour. */
export function UseBar({ limit, leased }: { limit: Limit; leased: string | null }) {
  const level = levelOf(limit);
  if (level === null) return null;
  if (limit.usage_pct === null)
    return <LevelSign level="UNKNOWN" words={`without ${limit.missing ?? "its figures"}`} />;
  const { used, reserved, leased: ofLeases } = barOf(limit, leased);
  const parts = [
    `used ${shownAmount(limit.used ?? "0")}`,
    `reserved ${shownAmount(limit.reserved ?? "0")}`,
    ...(leased === null || leased === "0" ? [] : [`of it leased ${shownAmount(leased)}`]),
    `of ${shownAmount(limit.allowed ?? "")}`,
  ];
  const label = `${limitName(limit)}: ${limit.usage_pct} %, ${LEVEL_WORDS[level]}; ${parts.join(", ")}`;
  return (
    <div className={classes.row} style={colourOf(level)}>
      <div className={classes.track} role="img" aria-label={label} title={label}>
        <div className={classes.used} style={{ width: `${used}%` }} />
        <div className={classes.reserved} style={{ width: `${reserved}%` }} />
        <div className={classes.leased} style={{ width: `${ofLeases}%` }} />
      </div>
      <Text size="xs" className={classes.percent} fw={level === "CALM" ? 400 : 700}>
        {limit.usage_pct} %
      </Text>
      <LevelSign level={level} />
    </div>
  );
}

export function LevelSign({ level, words = LEVEL_WORDS[level] }: { level: UseLevel; words?: string }) {
  if (level === "CALM") return <span style={{ width: 14 }} />;
  const Sign = SIGNS[level];
  const isAlone = words !== LEVEL_WORDS[level];
  return (
    <Group gap={4} wrap="nowrap" style={colourOf(level)}>
      <Sign size={14} color="var(--use-colour)" role="img" aria-label={words} />
      {isAlone && (
        <Text size="xs" c="dimmed">
          {words}
        </Text>
      )}
    </Group>
  );
}

export function colourOf(level: UseLevel): CSSProperties {
  return { "--use-colour": `var(--mantine-color-${LEVEL_COLOURS[level]}-filled)` } as CSSProperties;
}

/** What the bars' patterns mean. */
export function UseLegend() {
  return (
    <Group gap="md" style={colourOf("CALM")}>
      {(["used", "reserved", "leased"] as const).map((part) => (
        <Text key={part} size="xs" c="dimmed" component="span">
          <span className={`${classes.swatch} ${classes[part]}`} aria-hidden />
          {part === "reserved" ? "reserved by orders" : part === "leased" ? "leased to the engine" : part}
        </Text>
      ))}
      {(["WARNED", "HIGH", "FULL"] as const).map((level) => {
        const Sign = SIGNS[level];
        return (
          <Group key={level} gap={4} style={colourOf(level)}>
            <Sign size={14} color="var(--use-colour)" aria-hidden />
            <Text size="xs" c="dimmed">
              {LEVEL_WORDS[level]}
            </Text>
          </Group>
        );
      })}
    </Group>
  );
}
