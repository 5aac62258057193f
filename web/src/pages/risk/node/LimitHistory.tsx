import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf } from "../../../api/client";
import { usePlatform } from "../../../platform";
import { DataTable } from "../../../ui/DataTable";
import { Found } from "../../../ui/states";
import { shownTime } from "../../../ui/times";
import { versionsOf } from "../model/limitVersions";
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
            rows={versionsOf(items, unit)}
            keyOf={(version) => version.version}
            empty="It has no versions."
            columns={[
              { name: "Version", isNumber: true, show: (version) => version.version },
              { name: "Set", show: (version) => shownTime(version.changedAt) },
              { name: "By", show: (version) => version.changedBy },
              { name: "To", show: (version) => version.words },
              { name: "At it", show: (version) => version.action },
              { name: "Warns at", show: (version) => version.thresholds },
              { name: "From", show: (version) => version.validFrom !== null && shownTime(version.validFrom) },
              {
                name: "Until",
                show: (version) => version.validUntil !== null && shownTime(version.validUntil),
              },
            ]}
          />
        )}
      </Found>
    </Modal>
  );
}
