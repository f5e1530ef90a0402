// Keys made in this browser. The private half is a handle that signs and cannot be read out, kept in IndexedDB.
import { base64 } from "./publickey";

export type HeldKey = { publicKey: string; name: string; privateKey: CryptoKey; madeAtMs: number };
/** Why no key can be made here. */
export type Unable = "insecure" | "unsupported" | "noStore";

const DATABASE = "vedette";
const STORE = "operator-keys";

/** Whether a key can be made here; null: it can. */
export async function unable(): Promise<Unable | null> {
  if (!isSecureContext) return "insecure";
  try {
    await generate();
  } catch {
    return "unsupported";
  }
  return (await heldKeys().catch(() => null)) === null ? "noStore" : null;
}

const generate = async (): Promise<CryptoKeyPair> => (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;

/** A new key, kept before anybody hears of it: one whose public half is listed but that nobody holds is no use. */
export async function makeKey(name: string): Promise<HeldKey> {
  const pair = await generate();
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const held: HeldKey = { publicKey: base64(raw), name, privateKey: pair.privateKey, madeAtMs: Date.now() };
  await inStore("readwrite", (store) => store.put(held));
  return held;
}

export const heldKeys = (): Promise<HeldKey[]> => inStore("readonly", (store) => store.getAll() as IDBRequest<HeldKey[]>);

export async function dropKey(publicKey: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(publicKey));
}

async function inStore<T>(mode: IDBTransactionMode, deed: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    const change = database.transaction(STORE, mode);
    const asked = deed(change.objectStore(STORE));
    await new Promise<void>((done, failed) => {
      change.oncomplete = () => done();
      change.onabort = change.onerror = () => failed(change.error ?? new Error("IndexedDB"));
    });
    return asked.result;
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "publicKey" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error ?? new Error("IndexedDB"));
  });
}
