/** Markets that are made up: a WebSocket that speaks as the engine's channels do, so many changes a second a symbol. */
import type { Page, WebSocketRoute } from "playwright-core";

interface Book {
  sequence: number;
  mid: number;
}

interface Request {
  readonly action: string;
  readonly channel: string;
  readonly symbol?: string;
}

/** In place of the engine's, for every socket that the page opens to its channels. Returns how to end it. */
export async function feed(page: Page, changesPerSecond: number): Promise<() => void> {
  const timers: NodeJS.Timeout[] = [];
  await page.routeWebSocket(/\/channels/, (socket) => {
    const books = new Map<string, Book>();
    socket.onMessage((text) => {
      const asked = JSON.parse(String(text)) as Request;
      if (asked.action !== "subscribe" || asked.channel !== "markets" || asked.symbol === undefined) return;
      const book = { sequence: 1, mid: 1_000_00 + books.size * 1_000 };
      books.set(asked.symbol, book);
      socket.send(JSON.stringify({ ...said(asked.symbol, "snapshot", book), trades: [], ...STEPS }));
    });
    timers.push(setInterval(() => tell(socket, books), 1_000 / changesPerSecond));
  });
  return () => timers.forEach(clearInterval);
}

const STEPS = { tick_size: "0.01", lot_size: "0.001" };
const LEVELS = 20;

function tell(socket: WebSocketRoute, books: ReadonlyMap<string, Book>): void {
  for (const [symbol, book] of books) {
    const previous_sequence = book.sequence;
    book.sequence += 1;
    socket.send(JSON.stringify({ ...said(symbol, "update", book), previous_sequence }));
    const trade = {
      trade_id: book.sequence,
      at: new Date().toISOString(),
      taker: book.sequence % 2 === 0 ? "BUY" : "SELL",
      price: (book.mid / 100).toFixed(2),
      quantity: "0.25",
    };
    const trades = { channel: "markets", type: "trades", venue: "SIM", symbol, lost: 0, trades: [trade] };
    socket.send(JSON.stringify(trades));
  }
}

function said(symbol: string, type: string, book: Book) {
  const side = (step: number) =>
    Array.from({ length: LEVELS }, (_, level) => [
      ((book.mid + step * (level + 1)) / 100).toFixed(2),
      (1 + ((book.sequence + level) % 9)).toFixed(3),
    ]);
  const at = new Date().toISOString();
  return {
    channel: "markets",
    type,
    venue: "SIM",
    symbol,
    sequence: book.sequence,
    at,
    bids: side(-1),
    asks: side(1),
  };
}
