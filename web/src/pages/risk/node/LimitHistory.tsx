import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { versionWords } from "../model/limitVersions";
import { limitName } from "../model/limitWords";
import type { Limit } from "../model/types";

/** Every version of a limit and who set it, the newest first. */
export function LimitHistory({ limit, unit, onClose }: { limit: Limit; unit: string; onClose: () => void }) {
  const { api } = usePlatform();
  const history = useQuery({
    queryKey: ["limits", "history", limit.limit_id],
    queryFn: () =>
      answerOf(api.GET("/limits/{limit_id}/history", { params: { path: { limit_id: limit.limit_id } } })),
  });
  return (
    <Modal opened onClose={onClose} title={`History of ${limitName(limit)}`} size="xl">
      <Found query={history}>
        {({ items }) => (
          <DataTable
            label="Versions"
            rows={items.toReversed()}
            keyOf={(version) => String(version.version)}
            empty="It has no versions."
            columns={[
              { name: "Version", isNumber: true, show: (version) => version.version },
              { name: "Set", show: (version) => shownTime(version.changed_at) },
              { name: "By", show: (version) => version.changed_by },
              { name: "To", show: (version) => versionWords(version, unit) },
              { name: "At it", show: (version) => version.action.toLowerCase().replaceAll("_", " ") },
              {
                name: "Warns at",
                show: (version) => version.thresholds_pct.map((percent) => `${percent} %`).join(", "),
              },
              {
                name: "From",
                show: (version) => version.valid_from !== null && shownTime(version.valid_from),
              },
              {
                name: "Until",
                show: (version) => version.valid_until !== null && shownTime(version.valid_until),
              },
            ]}
          />
        )}
      </Found>
    </Modal>
  );
}
