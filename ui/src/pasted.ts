// What a person pastes into a search: whole PoS addresses are told from names and parts. Pure.

/** The PoS address that the text is, as the API spells it; null where it is anything else. */
export function posAddress(text: string): string | null {
  const pasted = text.trim().toLowerCase();
  return /^0x[0-9a-f]{64}$/.test(pasted) ? pasted : null;
}
