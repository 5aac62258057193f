import { useEffect, useState } from "react";
import { useConnection } from "./hooks";

/** As the platform itself calls a market silent. */
const SILENT_MS = 10_000;
const LOOK_EVERY_MS = 1_000;

/** Since when what was last heard then is old: the connection is lost, or its market says nothing. Null while it is not. */
export function useStaleSince(heardAt: number | null): number | null {
  const connection = useConnection();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), LOOK_EVERY_MS);
    return () => clearInterval(clock);
  }, []);
  if (heardAt === null) return null;
  return connection.kind === "STALE" || now - heardAt > SILENT_MS ? heardAt : null;
}
