// Wallets that put themselves into the page: Fluent for Core Space, any for eSpace. Asked only when somebody presses.

export type Space = "core" | "espace";
export type Signer = { address: string; space: Space };
type Provider = { request: (what: { method: string; params?: unknown[] }) => Promise<unknown> };

export type Signed =
  | { ok: true; signature: string; by: string }
  | { ok: false; why: "refused" | "noAccount" }
  | { ok: false; why: "wrongAccount" | "said"; text: string };

const REFUSED = 4001; // EIP-1193: the user said no
const ACCOUNTS: Record<Space, string> = { core: "cfx_requestAccounts", espace: "eth_requestAccounts" };

const isProvider = (value: unknown): value is Provider => typeof value === "object" && value !== null && typeof (value as Provider).request === "function";

/** The wallet of a space, if this browser has one. */
export function walletOf(space: Space): Provider | null {
  const page = window as unknown as Record<string, unknown>;
  const found = (space === "core" ? [page["conflux"], page["fluent"]] : [page["ethereum"]]).find(isProvider);
  return found ?? null;
}

/** One address in one spelling: base32 may say its type, and either kind may be in capitals. */
export const plainAddress = (address: string): string => address.toLowerCase().replace(/^(cfx|cfxtest|net\d+):type\.\w+:/, "$1:");

/** Ask a wallet to sign a text as a personal message, by one of those who may. */
export async function signedBy(space: Space, message: string, signers: readonly Signer[]): Promise<Signed> {
  const wallet = walletOf(space);
  if (!wallet) return { ok: false, why: "noAccount" };
  try {
    const offered = texts(await wallet.request({ method: ACCOUNTS[space] }));
    if (!offered[0]) return { ok: false, why: "noAccount" };
    const wanted = new Set(signers.filter((one) => one.space === space).map((one) => plainAddress(one.address)));
    const by = offered.find((account) => wanted.has(plainAddress(account)));
    if (!by) return { ok: false, why: "wrongAccount", text: offered[0] };
    // As plain text: Fluent signs what it is given, letter by letter, so hex digits would be signed as digits.
    const signature = await wallet.request({ method: "personal_sign", params: [message, by] });
    return typeof signature === "string" ? { ok: true, signature, by } : { ok: false, why: "said", text: String(signature) };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Signed {
  const told = (typeof error === "object" && error !== null ? error : {}) as { code?: unknown; message?: unknown };
  if (told.code === REFUSED) return { ok: false, why: "refused" };
  return { ok: false, why: "said", text: typeof told.message === "string" ? told.message : String(error) };
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);

/** What may be sent as a signature: 65 bytes in hex. */
export const isSignature = (text: string): boolean => /^0x[0-9a-f]{130}$/i.test(text.trim());
