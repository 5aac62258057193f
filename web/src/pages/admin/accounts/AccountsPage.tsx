import { Badge, Button } from "@mantine/core";
import { useState } from "react";
import { DataTable } from "../../../ui/DataTable";
import { PageFrame } from "../../../ui/PageFrame";
import { Found } from "../../../ui/states";
import { useMay } from "../../../ui/useMe";
import { useAccounts, useNodes } from "../parts/directory";
import { NewAccountDialog } from "./NewAccountDialog";
import { wayTo } from "./wayTo";

const STATE_COLOURS = { ACTIVE: "teal", REDUCE_ONLY: "yellow", SUSPENDED: "orange", KILLED: "red" } as const;

export default function AccountsPage() {
  const accounts = useAccounts(true);
  const nodes = useNodes().data ?? [];
  const may = useMay();
  const [isMaking, setIsMaking] = useState(false);
  const nodeOf = (accountId: string) => nodes.find((node) => node.account_id === accountId);
  return (
    <PageFrame
      title="Accounts"
      actions={may("users:manage") && <Button onClick={() => setIsMaking(true)}>New account</Button>}
    >
      <Found query={accounts}>
        {(found) => (
          <DataTable
            label="Accounts"
            rows={found}
            keyOf={(account) => account.account_id}
            empty="No accounts yet."
            columns={[
              { name: "Name", show: (account) => account.name },
              { name: "Kind", show: (account) => account.kind.toLowerCase() },
              { name: "Base currency", show: (account) => account.base_currency },
              { name: "Below", show: (account) => wayTo(nodeOf(account.account_id), nodes) },
              {
                name: "State",
                show: (account) => {
                  const node = nodeOf(account.account_id);
                  if (node === undefined) return "unknown";
                  return (
                    <Badge variant="light" color={STATE_COLOURS[node.state]}>
                      {node.state.replaceAll("_", " ")}
                    </Badge>
                  );
                },
              },
            ]}
          />
        )}
      </Found>
      {isMaking && <NewAccountDialog onClose={() => setIsMaking(false)} />}
    </PageFrame>
  );
}
