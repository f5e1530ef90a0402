// Ed25519 public keys as people paste them: 64 hex digits, base64, or a line `ssh-ed25519 AAAA…`. Pure.

const KEY_BYTES = 32;
const SSH_BYTES = KEY_BYTES + 19; // the kind's name and both lengths come before the key

export const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export const hex = (publicKey: string): string => [...(bytesOf(publicKey) ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The key's bytes; null: it is no such key. */
export function bytesOf(pasted: string): Uint8Array | null {
  const text = pasted.trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  const [first = "", second = ""] = text.split(/\s+/);
  const bytes = decoded(first === "ssh-ed25519" ? second : text);
  if (bytes === null) return null;
  if (bytes.length === SSH_BYTES && first === "ssh-ed25519") return bytes.slice(-KEY_BYTES);
  return bytes.length === KEY_BYTES ? bytes : null;
}

function decoded(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Whether somebody is about to give away the half that must stay with him. */
export const looksPrivate = (pasted: string): boolean => /PRIVATE KEY/.test(pasted);
