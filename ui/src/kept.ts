// Choices that this browser remembers. Storage may be forbidden: then a choice lasts as long as the page.

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`vedette.${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`vedette.${name}`);
    else localStorage.setItem(`vedette.${name}`, value);
  } catch {
    // Nothing to do: the choice holds until the page is left.
  }
}
