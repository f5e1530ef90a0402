// Links that other people wrote. They lead to https and nowhere else; a label never hides where. Pure.

export type OutLink = { label: string; url: string };
export type SafeLink = { label: string; href: string; host: string };

/** What may be shown as a link; anything else is not shown at all. */
export function safeLinks(links: readonly OutLink[]): SafeLink[] {
  return links.flatMap(({ label, url }) => {
    const parsed = parse(url);
    if (!parsed || parsed.protocol !== "https:" || parsed.username || parsed.password) return [];
    return [{ label: label.trim() || parsed.host, href: parsed.href, host: parsed.host }];
  });
}

/** What a form's links are sent as: empty rows are none, and one without words is called by its host. */
export const linksOf = (rows: readonly OutLink[]): OutLink[] =>
  rows.filter(({ url }) => url.trim()).map(({ label, url }) => ({ label: label.trim() || (parse(url.trim())?.host ?? "").slice(0, 40), url: url.trim() }));

/** Whether a person's link would be taken: said beside the field, before it is sent. */
export const isHttps = (url: string): boolean => safeLinks([{ label: "", url }]).length === 1;

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
