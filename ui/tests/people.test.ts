import { describe, expect, test } from "vitest";
import { oidcTrouble } from "../src/account";
import { peopleEn } from "../src/i18n/people.en";
import { peopleZh } from "../src/i18n/people.zh";
import { missing } from "../src/i18n/missing";
import { bytesOf, textOf } from "../src/passkeys";
import type { SessionNow } from "../src/people";
import { chapterOf, routeOf, to } from "../src/route";
import { differs, placeAfter } from "../src/session.svelte";

const HERE = "https://watch.example";
const nobody: SessionNow = {
  signed_in: false, is_local: false, user: null, team: null, teams: [], may: { read: false, operate: false, own: false, administer: false },
  first_run: false, sign_up: "invited", mail: false, oidc: null, fresh_until_ms: null, expires_at_ms: null,
};
const heron = { id: 1, name: "heron", email: null, email_verified: false, is_admin: false, has_password: true, has_totp: false, passkeys: 0 };
const pool = { id: 1, name: "Reed Pool", role: "owner" } as const;

describe("after signing in", () => {
  test("one goes on to a place of ours, and never to another's", () => {
    expect(placeAfter("/nodes?sort=name", HERE)).toBe("/nodes?sort=name");
    const foreign = [null, "", "https://evil.example/", "//evil.example/x", "/\\evil.example", "/\t/evil.example", "/.//evil.example", "/x/..//evil.example", "javascript:alert(1)"];
    expect(foreign.map((next) => placeAfter(next, HERE))).toEqual(Array(foreign.length).fill("/"));
  });

  test("another person or another team is another page; a new name or role is not", () => {
    const now = { ...nobody, signed_in: true, user: heron, team: pool };
    expect(differs(nobody, now)).toBe(true);
    expect(differs(now, { ...now, team: { ...pool, id: 2 } })).toBe(true);
    expect(differs(now, { ...now, user: { ...heron, name: "egret" }, team: { ...pool, role: "viewer" } })).toBe(false);
  });
});

describe("passkeys", () => {
  test("bytes travel as base64url without padding, whatever they are", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
    for (const length of [0, 1, 2, 3, 255, 256]) expect(bytesOf(textOf(all.slice(0, length)))).toEqual(all.slice(0, length));
    expect(textOf(Uint8Array.of(251, 255, 254))).toBe("-__-");
  });
});

describe("coming back from another place", () => {
  test("has a reason that has words, whatever stands in the address", () => {
    expect(["", "#abc", "#oidc=taken", "#oidc=%00<b>", "#oidc="].map(oidcTrouble)).toEqual([null, null, "taken", "refused", "refused"]);
  });
});

describe("places of people", () => {
  test("account and team are chapters; signing in is none, and comes back to where it was needed", () => {
    expect([to.account, to.team, to.signIn, "/verify"].map((path) => chapterOf(routeOf(path)))).toEqual(["account", "team", null, null]);
    expect(routeOf("/account/7").page).toBe("nowhere");
    expect([to.signInFor("/"), to.signInFor("/sign-in"), to.signInFor("/nodes")]).toEqual(["/sign-in", "/sign-in", "/sign-in?next=%2Fnodes"]);
  });

  test("every word is there in both languages", () => {
    expect(missing(peopleEn, peopleZh)).toEqual([]);
    expect(missing(peopleZh, peopleEn)).toEqual([]);
  });
});
