/** Beside each file that is text and worth it, the same in Brotli: for the local server, as CloudFront compresses by itself. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import type { Plugin } from "vite";

const WORTH_IT_BYTES_MIN = 1_000;
const compressed = promisify(brotliCompress);

export function brotli(): Plugin {
  return {
    name: "brotli",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const texts = Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name));
      await Promise.all(
        texts.map(async (name) => {
          const file = join(dir, name);
          const body = await readFile(file);
          if (body.length >= WORTH_IT_BYTES_MIN) await writeFile(`${file}.br`, await compressed(body));
        }),
      );
    },
  };
}
