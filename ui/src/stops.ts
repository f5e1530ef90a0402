// A strip is a slider whose stops have pages: where keys lead, and when a press opens one.

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 };

/** The stop that a key leads to; null for none (Escape), undefined when the key is not ours. */
export function stepped(key: string, at: number | null, first: number, last: number): number | null | undefined {
  if (key === "Escape") return null;
  if (key === "Home") return first;
  if (key === "End") return last;
  const step = STEPS[key];
  if (step === undefined) return undefined;
  return Math.min(Math.max((at ?? last + (step < 0 ? 1 : 0)) + step, first), last);
}

/** A mouse has seen a stop's words before it clicks; a finger's first tap shows them, its second opens. */
export class Taps {
  #before: number | null = null;

  opens(event: MouseEvent, at: number | null): boolean {
    const again = at === this.#before;
    this.#before = at;
    const finger = event instanceof PointerEvent && event.pointerType === "touch";
    return at !== null && (!finger || again);
  }

  forget(): void {
    this.#before = null;
  }
}
