import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { alertsEn } from "./src/i18n/alerts.en.ts";
import { alertsZh } from "./src/i18n/alerts.zh.ts";
import { en } from "./src/i18n/en.ts";
import { keysEn } from "./src/i18n/keys.en.ts";
import { keysZh } from "./src/i18n/keys.zh.ts";
import { missing } from "./src/i18n/missing.ts";
import { peopleEn } from "./src/i18n/people.en.ts";
import { peopleZh } from "./src/i18n/people.zh.ts";
import { zh } from "./src/i18n/zh.ts";

// Types say it first (`npm run check`); this says it in a build, which does not look at types.
const holes = [...missing(en, zh), ...missing(peopleEn, peopleZh), ...missing(keysEn, keysZh), ...missing(alertsEn, alertsZh)];
if (holes.length) throw new Error(`The Chinese catalogue lacks: ${holes.join(", ")}`);

// Only two names are read of Node, so its types are not worth a dependency.
declare const process: { env: Record<string, string | undefined> };

/** Where `npm run dev` finds the API: a server of your own, or tests/browser/stage.py. */
const api = process.env["VEDETTE_API"] ?? "http://127.0.0.1:8642";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: process.env["VEDETTE_PAGE_OUT"] ?? "../src/vedette/server/static",
    emptyOutDir: true,
    target: "es2022",
    // Everything comes as a file from our own origin: data: addresses would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: api, changeOrigin: false } } },
  // How long a test takes says how busy the machine is: `make test` runs them beside real validators.
  test: { include: ["tests/**/*.test.ts"], testTimeout: 60_000 },
});
