/** Sockets and a clock for tests: nothing happens until a test says so. */
import type { ConnectionWorld, SocketListener } from "./connection";

export interface FakeSocket extends SocketListener {
  readonly url: string;
  readonly sent: Record<string, unknown>[];
  isClosed: boolean;
}

export class TestWorld implements ConnectionWorld {
  readonly sockets: FakeSocket[] = [];
  tokens = ["first"];
  refusals: string[] = [];
  private clock = 1_000_000;
  private readonly timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  private timerCount = 0;

  readonly open = (url: string, listener: SocketListener) => {
    const socket: FakeSocket = { ...listener, url, sent: [], isClosed: false };
    this.sockets.push(socket);
    return {
      send: (text: string) => void socket.sent.push(JSON.parse(text) as Record<string, unknown>),
      close: () => {
        socket.isClosed = true;
      },
    };
  };
  readonly now = () => this.clock;
  readonly later = (run: () => void, milliseconds: number) => {
    this.timerCount += 1;
    const timer = this.timerCount;
    this.timers.set(timer, { at: this.clock + milliseconds, run });
    return () => void this.timers.delete(timer);
  };
  readonly random = () => 1;
  readonly token = async () => this.tokens.at(-1) ?? null;
  readonly tokenAfterRefusalOf = async (token: string) => {
    this.refusals.push(token);
    return this.tokens.find((each) => each !== token) ?? null;
  };

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }

  /** Lets time go by, timer after timer. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.clock + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due[0]);
      this.clock = Math.max(this.clock, due[1].at);
      due[1].run();
    }
    this.clock = end;
  }

  /** As the server says it. */
  say(message: object): void {
    this.socket.heard(JSON.stringify(message));
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
