/** Markets that are made up, as the engine's channels tell of them: so many changes a second a symbol. */
const LEVELS = 20;
const EVERY_MS = 1_000 / CHANGES_PER_SECOND;
const STEPS = { tick_size: "0.01", lot_size: "0.001" };
/** By symbol: the sequence, and the middle in hundredths. */
const books = new Map();

self.onmessage = ({ data }) => {
  const { action, channel, symbol } = JSON.parse(data);
  if (action !== "subscribe" || channel !== "markets") return;
  const book = { sequence: 1, mid: 100_000 + books.size * 1_000 };
  books.set(symbol, book);
  say({ ...said(symbol, "snapshot", book), trades: [], ...STEPS });
};

setInterval(() => {
  for (const [symbol, book] of books) {
    const previous_sequence = book.sequence;
    book.sequence += 1;
    say({ ...said(symbol, "update", book), previous_sequence });
    const trade = {
      trade_id: book.sequence,
      at: new Date().toISOString(),
      taker: book.sequence % 2 === 0 ? "BUY" : "SELL",
      price: (book.mid / 100).toFixed(2),
      quantity: "0.25",
    };
    say({ channel: "markets", type: "trades", venue: "SIM", symbol, lost: 0, trades: [trade] });
  }
}, EVERY_MS);

function say(message) {
  self.postMessage(JSON.stringify(message));
}

function said(symbol, type, { sequence, mid }) {
  const side = (step) =>
    Array.from({ length: LEVELS }, (_, level) => [
      ((mid + step * (level + 1)) / 100).toFixed(2),
      (1 + ((sequence + level) % 9)).toFixed(3),
    ]);
  const at = new Date().toISOString();
  return { channel: "markets", type, venue: "SIM", symbol, sequence, at, bids: side(-1), asks: side(1) };
}
