import { describe, expect, test } from "vitest";
import { codesOf, sourceOf, type Wish } from "../src/embed";
import { addressOf, nounOf, quoted, routesOf } from "../src/openapi";
import { isHttps, linksOf, safeLinks } from "../src/outlinks";
import { base64, bytesOf, hex, looksPrivate } from "../src/publickey";
import { isWell, kindOf, tallyOf } from "../src/status";
import type { TeamStatus } from "../src/keyshapes";
import { isSignature, plainAddress } from "../src/wallets";

describe("links of other people", () => {
  test.each(["javascript:alert(1)", "http://a.example", "data:text/html,x", "https://me:secret@a.example", "//a.example", "", "https://"])("%s is no link", (url) =>
    expect(isHttps(url)).toBe(false),
  );
  test("one is told with its host", () => expect(safeLinks([{ label: " Us ", url: "https://a.example/x" }])).toEqual([{ label: "Us", href: "https://a.example/x", host: "a.example" }]));
  test("rows without an address are not sent, one without words is called by its host", () =>
    expect(linksOf([{ label: "x", url: " " }, { label: "", url: " https://a.example/x " }])).toEqual([{ label: "a.example", url: "https://a.example/x" }]));
});

describe("public keys as they are pasted", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
  const line = `ssh-ed25519 ${base64(Uint8Array.from([0, 0, 0, 11, ...new TextEncoder().encode("ssh-ed25519"), 0, 0, 0, 32, ...bytes]))} mei@desk`;
  test.each([hex(base64(bytes)), hex(base64(bytes)).toUpperCase(), base64(bytes), line, ` ${base64(bytes)}\n`])("%s", (text) => expect(bytesOf(text)).toEqual(bytes));
  test.each(["", "0x00", "AAAA", "ssh-rsa AAAA", "ssh-ed25519", "….…", "f".repeat(63)])("%s is none", (text) => expect(bytesOf(text)).toBeNull());
  test("a private one is known for what it is", () => expect(looksPrivate("-----BEGIN OPENSSH PRIVATE KEY-----")).toBe(true));
});

describe("routes of the API", () => {
  const document = {
    paths: {
      "/api/v1/blocks/{height}": {
        get: {
          description: "One\nblock.\n\nMore.",
          parameters: [
            { name: "height", in: "path", required: true, schema: { type: "integer" } },
            { name: "format", in: "query", schema: { anyOf: [{ $ref: "#/components/schemas/Format" }, { type: "null" }] } },
            { name: "x-token", in: "header", schema: { type: "string" } },
          ],
        },
      },
    },
    components: { schemas: { Format: { enum: ["json", "csv"] } } },
  };
  const [route] = routesOf(document);
  test("are told in one sentence, with what can be asked", () => {
    expect(route?.about).toBe("One block.");
    expect(route?.params.map((one) => [one.name, one.where, one.choices])).toEqual([["height", "path", []], ["format", "query", ["json", "csv"]]]);
  });
  test("have an address once their path is whole", () => {
    if (!route) throw new Error("no route");
    expect(addressOf(route, {})).toBeNull();
    expect(addressOf(route, { height: "a/b", format: "csv" })).toBe("/api/v1/blocks/a%2Fb?format=csv");
  });
  test("a document of any other kind has none", () => expect([routesOf(null), routesOf({ paths: 3 }), routesOf([])]).toEqual([[], [], []]));
  test("a shell gets it in quotes", () => expect(quoted("a'b")).toBe(`'a'\\''b'`));
  test("a noun is what comes after the version", () => expect([nounOf("/api/v1/teams/{slug}"), nounOf("/metrics")]).toEqual(["teams", "metrics"]));
});

test("one address in several spellings", () => expect(plainAddress("CFX:TYPE.USER:AAJG4W")).toBe("cfx:aajg4w"));
test("a signature is 65 bytes", () => expect([isSignature(`0x${"ab".repeat(65)}`), isSignature("0xab"), isSignature("ab".repeat(65))]).toEqual([true, false, false]));

describe("a status page", () => {
  const none: TeamStatus = { name: "A", slug: "a", about: "", links: [], validators: [], nodes: [], days_from_ms: 0, incidents: null, as_of_ms: 0 };
  const days = { up_ppm: null, days_ppm: [] };
  const node = (state: "down" | "silent" | "stopped" | "syncing" | "unknown" | "up"): TeamStatus => ({ ...none, nodes: [{ id: "n", name: "n", kind: "agent", role: "full", state, version: null, process: days, rpc: days }] });
  test.each([["up", true], ["stopped", true], ["syncing", true], ["silent", false], ["down", false]] as const)("a node that is %s: all well is %s", (state, well) => expect(isWell(tallyOf(node(state)))).toBe(well));
  test("a day of which nothing is known accuses nobody", () => expect([null, 0, 1, 999_999, 1_000_000].map(kindOf)).toEqual(["unknown", "down", "part", "part", "up"]));
});

describe("badges and cards", () => {
  const wish: Wish = { kind: "validator", id: "0xab", form: "badge", told: "status", theme: "auto", lang: "en", title: `"<b>[x]` };
  test("nothing is drawn of nobody", () => expect([sourceOf({ ...wish, id: "" }), codesOf({ ...wish, id: "" }, "")]).toEqual([null, null]));
  test("names of others stay text in the code", () => {
    const codes = codesOf(wish, "https://v.example");
    expect(codes?.html).toContain('alt="&quot;&lt;b&gt;[x]"');
    expect(codes?.markdown).toBe(`[!["<b>\\[x\\]](https://v.example/badge/validators/0xab/status.svg)](https://v.example/validators/0xab)`);
  });
  test.each([
    [{ kind: "network", id: "", told: "epoch" }, "/badge/network/epoch.svg"],
    [{ kind: "node", id: "n1" }, "/badge/nodes/n1.svg"],
    [{ kind: "pool", id: "cfx:a", form: "card" }, "/embed/pools/cfx%3Aa?lang=en&theme=auto"],
  ] as const)("%o", (part, source) => expect(sourceOf({ ...wish, ...part })).toBe(source));
});
