import type { ReactNode } from "react";
import { PageFrame } from "../../../ui/PageFrame";
import { StoppedBanner } from "../stop/StoppedBanner";
import { StaleSince } from "./StaleSince";

/**
 * The frame of every risk page: what is stopped stands above all else. `answeredAt`: of what the page shows, where it
 * is read again and again.
 */
export function RiskFrame({
  title,
  answeredAt,
  actions,
  children,
}: {
  title: string;
  answeredAt?: number;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <PageFrame
      title={title}
      actions={
        <>
          {answeredAt !== undefined && <StaleSince at={answeredAt} />}
          {actions}
        </>
      }
    >
      <StoppedBanner />
      {children}
    </PageFrame>
  );
}
