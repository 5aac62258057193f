/**
 * The engine's channels, made up by a worker in the page: on a thread and in a heap of its own, so that what is measured
 * of the page is the page's. Through the browser's debugger a thousand messages a second pile up on a busy machine.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";

const WORKER = readFileSync(resolve(import.meta.dirname, "feedWorker.js"), "utf8");

/** In place of every socket that the page opens to `/channels`. Its context has `bypassCSP`: the worker is no file. */
export async function feed(page: Page, changesPerSecond: number): Promise<void> {
  await page.addInitScript((source) => {
    class FedSocket extends EventTarget {
      private readonly worker = new Worker(URL.createObjectURL(new Blob([source])));

      constructor() {
        super();
        this.worker.onmessage = ({ data }) => this.dispatchEvent(new MessageEvent("message", { data }));
        setTimeout(() => this.dispatchEvent(new Event("open")));
      }

      send(text: string) {
        this.worker.postMessage(text);
      }

      close() {
        this.worker.terminate();
      }
    }
    window.WebSocket = new Proxy(WebSocket, {
      construct: (real, [url]: [string]) => (url.includes("/channels") ? new FedSocket() : new real(url)),
    });
  }, `const CHANGES_PER_SECOND = ${changesPerSecond};\n${WORKER}`);
}
