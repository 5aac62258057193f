import { Select, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { ResponsiveContainer, Treemap, type TreemapNode } from "recharts";
import { DataTable } from "../../../ui/DataTable";
import { Empty, Failed } from "../../../ui/states";
import { useAddress } from "../../../ui/useAddress";
import { useMay } from "../../../ui/useMe";
import { LEVEL_COLOURS, LEVEL_WORDS } from "../model/limitUse";
import { limitName } from "../model/limitWords";
import { drawnTiles, MEASURES, type Measure, type Tile, tilesOf } from "../model/treeMap";
import type { TreeNode } from "../model/types";
import { Amount } from "../shared/Amount";
import { NodeLink } from "../shared/NodeLink";
import { usePortfolio } from "../shared/queries";
import { LevelSign } from "../shared/UseBar";

const HEIGHT_PX = 380;
const isMeasure = (word: string): word is Measure => word in MEASURES;

/** The accounts as tiles, sized by a measure and coloured by their highest usage; the same as a table below. */
export default function LimitTreeMap({ roots }: { roots: readonly TreeNode[] }) {
  const navigate = useNavigate();
  const maySeeMoney = useMay()("portfolio:read");
  const portfolio = usePortfolio({ isWanted: maySeeMoney });
  const [chosen, setMeasure] = useAddress("by", "equity");
  const measure = maySeeMoney && isMeasure(chosen) ? chosen : "usage";
  const tiles = tilesOf(roots, portfolio.data?.items ?? [], measure);
  const drawn = drawnTiles(tiles);
  return (
    <Stack>
      {portfolio.error !== null && <Failed error={portfolio.error} />}
      <Select
        label="Sized by"
        maw={420}
        allowDeselect={false}
        value={measure}
        onChange={(value) => value !== null && setMeasure(value)}
        data={Object.entries(MEASURES)
          .filter(([name]) => maySeeMoney || name === "usage")
          .map(([value, label]) => ({ value, label }))}
      />
      {drawn.length === 0 ? (
        <Empty>
          No account has anything of this measure: there is nothing to draw. The table below has them all.
        </Empty>
      ) : (
        <div role="img" aria-label="Map of the accounts; the table below says the same">
          <ResponsiveContainer width="100%" height={HEIGHT_PX}>
            <Treemap
              data={drawn.map((tile) => ({ ...tile }))}
              dataKey="area"
              nameKey="name"
              isAnimationActive={false}
              content={(node) => (
                <MapTile node={node} tile={tiles.find((tile) => tile.nodeId === node.nodeId)} />
              )}
              onClick={(node) => {
                if (typeof node.nodeId === "string") void navigate({ to: `/limits/${node.nodeId}` });
              }}
            />
          </ResponsiveContainer>
        </div>
      )}
      <DataTable
        label="Accounts of the map"
        rows={tiles}
        keyOf={(tile) => tile.nodeId}
        empty="There are no accounts in your part of the tree."
        columns={[
          { name: "Account", show: (tile) => <NodeLink nodeId={tile.nodeId}>{tile.name}</NodeLink> },
          { name: "Desk", show: (tile) => tile.desk },
          {
            name: measure === "usage" ? "Usage, %" : measure === "equity" ? "Equity" : "Exposure",
            isNumber: true,
            show: (tile) => <Amount amount={tile.size} />,
          },
          { name: "Nearest to its value", show: (tile) => hottestWords(tile) },
          {
            name: "Level",
            show: (tile) =>
              tile.level === "CALM" ? (
                LEVEL_WORDS.CALM
              ) : (
                <Text span size="sm" style={{ display: "inline-flex", gap: 6 }}>
                  <LevelSign level={tile.level} /> {LEVEL_WORDS[tile.level]}
                </Text>
              ),
          },
        ]}
      />
    </Stack>
  );
}

function hottestWords(tile: Tile): string {
  return tile.hottest === null
    ? "nothing measured"
    : `${limitName(tile.hottest)}, ${tile.hottest.usage_pct} %`;
}

const TEXT_WIDTH_MIN_PX = 90;
const TEXT_HEIGHT_MIN_PX = 56;

/** Recharts calls it for the root as well, which has no tile. */
function MapTile({ node, tile }: { node: TreemapNode; tile: Tile | undefined }) {
  const { x, y, width, height } = node;
  if (tile === undefined) return <g />;
  const colour = `var(--mantine-color-${LEVEL_COLOURS[tile.level]}-light)`;
  const edge = `var(--mantine-color-${LEVEL_COLOURS[tile.level]}-filled)`;
  const usage = tile.hottest?.usage_pct ?? null;
  const lines = [
    tile.name,
    tile.desk,
    usage === null
      ? "nothing measured"
      : `${usage} %${tile.level === "CALM" ? "" : `, ${LEVEL_WORDS[tile.level]}`}`,
  ];
  return (
    <g style={{ cursor: "pointer" }}>
      <title>{lines.join(", ")}</title>
      <rect
        x={x + 1}
        y={y + 1}
        width={Math.max(0, width - 2)}
        height={Math.max(0, height - 2)}
        fill={colour}
        stroke={edge}
        strokeWidth={tile.level === "CALM" ? 1 : 3}
      />
      {width > TEXT_WIDTH_MIN_PX &&
        height > TEXT_HEIGHT_MIN_PX &&
        lines.map((line, index) => (
          <text
            key={line}
            x={x + 10}
            y={y + 22 + index * 17}
            fontSize={index === 0 ? 14 : 12}
            fontWeight={index === 0 ? 600 : 400}
            fill="var(--mantine-color-text)"
          >
            {line.length * 7 > width - 16
              ? `${line.slice(0, Math.max(1, Math.floor((width - 24) / 7)))}…`
              : line}
          </text>
        ))}
    </g>
  );
}
