import { useNodes } from "../shared/queries";
import { RiskFrame } from "../shared/RiskFrame";
import { KillSwitch } from "./KillSwitch";

export default function KillPage() {
  const answeredAt = useNodes().dataUpdatedAt;
  return (
    <RiskFrame title="Kill switch" answeredAt={answeredAt}>
      <KillSwitch />
    </RiskFrame>
  );
}
