// Passkeys: what the server says in JSON, the browser wants in bytes, and the other way round.
// The browsers' own translation is younger than passkeys are, and some password managers break it.

/** What the server hands out, and wants back: WebAuthn's own JSON. */
export type Json = { [name: string]: unknown };

const WAIT_MS = 120_000;

/** Only over HTTPS or on this very machine, and for a name: browsers keep none for an IP address. */
export const canPasskey = (host = location.hostname): boolean =>
  typeof window.PublicKeyCredential === "function" && !/^[\d.]+$|^\[/.test(host);

/** Whether the browser can offer passkeys within the name's field. */
export async function canOffer(): Promise<boolean> {
  return canPasskey() && ((await window.PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false);
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

export function textOf(buffer: ArrayBuffer | Uint8Array<ArrayBuffer>): string {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

type Named = { id: string };
const named = (list: unknown): unknown => (list as Named[] | undefined)?.map((one) => ({ ...one, id: bytesOf(one.id) }));

/** Make a passkey for the account; null when the person, or the device, would not. */
export async function makePasskey(options: Json): Promise<Json | null> {
  const user = options["user"] as Json & Named;
  const publicKey = {
    ...options,
    challenge: bytesOf(String(options["challenge"])),
    user: { ...user, id: bytesOf(user.id) },
    excludeCredentials: named(options["excludeCredentials"]) ?? [],
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = await held(() => navigator.credentials.create({ publicKey, signal: AbortSignal.timeout(WAIT_MS) }));
  if (!made) return null;
  const response = made.response as AuthenticatorAttestationResponse;
  return told(made, {
    clientDataJSON: textOf(response.clientDataJSON),
    attestationObject: textOf(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

/** Prove with a passkey who one is; `quiet`: wait in the name's field until one is picked there. */
export async function usePasskey(options: Json, quiet?: AbortSignal): Promise<Json | null> {
  const publicKey = {
    ...options,
    challenge: bytesOf(String(options["challenge"])),
    allowCredentials: named(options["allowCredentials"]) ?? [],
  } as unknown as PublicKeyCredentialRequestOptions;
  const how: CredentialRequestOptions = quiet
    ? { publicKey, signal: quiet, mediation: "conditional" }
    : { publicKey, signal: AbortSignal.timeout(WAIT_MS) };
  const found = await held(() => navigator.credentials.get(how));
  if (!found) return null;
  const response = found.response as AuthenticatorAssertionResponse;
  return told(found, {
    clientDataJSON: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.authenticatorData),
    signature: textOf(response.signature),
    userHandle: response.userHandle ? textOf(response.userHandle) : null,
  });
}

/** A no is told as an error by browsers, whoever said it: the person, the clock, or a device that has none. */
async function held(deed: () => Promise<Credential | null>): Promise<PublicKeyCredential | null> {
  try {
    return (await deed()) as PublicKeyCredential | null;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

const told = (credential: PublicKeyCredential, response: Json): Json => ({
  id: credential.id,
  rawId: textOf(credential.rawId),
  type: credential.type,
  authenticatorAttachment: credential.authenticatorAttachment,
  clientExtensionResults: credential.getClientExtensionResults(),
  response,
});
