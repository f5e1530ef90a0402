/** The dotted names that one catalogue has and the other lacks, or has as another kind of thing. */
export function missing(full: object, other: object, path = ""): string[] {
  return Object.entries(full).flatMap(([key, value]) => {
    const name = path ? `${path}.${key}` : key;
    const twin = (other as Record<string, unknown>)[key];
    if (typeof twin !== typeof value) return [name];
    return typeof value === "object" && value !== null ? missing(value, twin as object, name) : [];
  });
}
