/** What pages begin with, asked for before there is anything to draw them: so nothing of React is here. */
import { type Api, answerOf } from "../api/client";

const NAMES_STALE_MS = 60_000;

/** Who is signed in. */
export function meRead(api: Api) {
  return { queryKey: ["me"], queryFn: () => answerOf(api.GET("/me")), staleTime: NAMES_STALE_MS };
}

export function instrumentsRead(api: Api) {
  return {
    queryKey: ["instruments"],
    queryFn: () => answerOf(api.GET("/instruments")),
    staleTime: NAMES_STALE_MS,
  };
}

export function accountsRead(api: Api) {
  return {
    queryKey: ["accounts"],
    queryFn: () => answerOf(api.GET("/accounts")),
    staleTime: NAMES_STALE_MS,
  };
}

/** Of the page at this address, all at once: where there are none, the page asks when it is drawn. */
export function firstReads(path: string, api: Api) {
  return path === "/trade" ? [meRead(api), instrumentsRead(api), accountsRead(api)] : [meRead(api)];
}
