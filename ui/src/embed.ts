// Badges and cards for other people's pages: where they are, and the code that puts them there. Pure.

export const KINDS = ["validator", "pool", "node", "network"] as const;
export type Kind = (typeof KINDS)[number];
export type Form = "badge" | "card";
export type Theme = "auto" | "light" | "dark";

/** What a badge tells, as the server spells it; a node's tells its state only, a pool has none. */
export const BADGES = {
  validator: ["status", "votes", "seats", "apy", "presence"],
  pool: [],
  node: ["state"],
  network: ["participation", "height", "epoch", "members", "validators"],
} as const satisfies Record<Kind, readonly string[]>;
export type Told = (typeof BADGES)[Kind][number];

export const FORMS: Record<Kind, readonly Form[]> = { validator: ["badge", "card"], pool: ["card"], node: ["badge"], network: ["badge"] };
export const CARD = { width: 480, height: 240 } as const;

export type Wish = { kind: Kind; id: string; form: Form; told: string; theme: Theme; lang: string; title: string };

export const kindOf = (text: string | null): Kind => KINDS.find((kind) => kind === text) ?? "validator";

/** Where the picture or card is; null while nothing is chosen. */
export function sourceOf(wish: Wish): string | null {
  const id = encodeURIComponent(wish.id);
  if (wish.kind === "network") return `/badge/network/${wish.told}.svg`;
  if (!wish.id) return null;
  if (wish.form === "card") return `/embed/${wish.kind}s/${id}?${new URLSearchParams({ lang: wish.lang, theme: wish.theme }).toString()}`;
  return wish.kind === "node" ? `/badge/nodes/${id}.svg` : `/badge/validators/${id}/${wish.told}.svg`;
}

/** The page that it leads to. */
export function pageOf(wish: Wish): string {
  if (wish.kind === "network") return "/";
  return `/${wish.kind}s/${encodeURIComponent(wish.id)}`;
}

export type Codes = { html: string; markdown: string | null; address: string; oembed: string | null };

export function codesOf(wish: Wish, origin: string): Codes | null {
  const source = sourceOf(wish);
  if (source === null) return null;
  const [address, page] = [origin + source, origin + pageOf(wish)];
  if (wish.form === "card") {
    const frame = `<iframe src="${html(address)}" width="${CARD.width}" height="${CARD.height}" title="${html(wish.title)}" loading="lazy" style="border:0" referrerpolicy="no-referrer" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>`;
    return { html: frame, markdown: null, address, oembed: `${origin}/api/v1/oembed?url=${encodeURIComponent(page)}` };
  }
  return {
    html: `<a href="${html(page)}"><img src="${html(address)}" alt="${html(wish.title)}" height="20"></a>`,
    markdown: `[![${wish.title.replace(/[[\]\\]/g, "\\$&")}](${address})](${page})`,
    address,
    oembed: null,
  };
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const html = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
