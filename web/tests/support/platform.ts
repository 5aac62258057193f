/**
 * A running platform for all tests: the one that BREAKWATER_ENDPOINTS names, or one of their own that is started in a
 * new folder and stopped at the end.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
const START_TIMEOUT_MS = 600_000;
const STOP_TIMEOUT_MS = 120_000;
// Beside the default of `make up`, which may be running.
const PORT_BASE = process.env.BREAKWATER_TEST_PORT_BASE ?? "4700";

export interface DemoUser {
  readonly username: string;
  readonly password: string;
  readonly role: string;
  readonly account_ids: readonly string[];
}

/** What the tests need of `endpoints.json`. */
export interface Endpoints {
  readonly web_url: string;
  readonly api_url: string;
  readonly engine_url: string;
  readonly outbox_url: string;
  readonly users: readonly DemoUser[];
}

declare module "vitest" {
  export interface ProvidedContext {
    endpoints: Endpoints;
  }
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env.BREAKWATER_ENDPOINTS;
  if (running !== undefined) {
    project.provide("endpoints", readEndpoints(running));
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "breakwater-browser-"));
  chmodSync(folder, 0o755); // Postgres is another user where root starts it.
  const stop = async () => {
    await localCloud(folder, ["down"], STOP_TIMEOUT_MS);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await localCloud(folder, ["up", "--detach"], START_TIMEOUT_MS);
    project.provide("endpoints", readEndpoints(join(folder, "endpoints.json")));
  } catch (error) {
    await stop().catch(() => undefined); // The reason why it did not start matters more.
    throw error;
  }
  return stop;
}

function readEndpoints(file: string): Endpoints {
  return JSON.parse(readFileSync(file, "utf8")) as Endpoints;
}

async function localCloud(folder: string, words: readonly string[], timeout: number): Promise<void> {
  const python = join(REPOSITORY, ".venv/bin/python");
  const env = { ...process.env, BREAKWATER_LOCAL_DIR: folder, BREAKWATER_PORT_BASE: PORT_BASE };
  await promisify(execFile)(python, ["-m", "local_cloud", ...words], { cwd: REPOSITORY, env, timeout });
}
