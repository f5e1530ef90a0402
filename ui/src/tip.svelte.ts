// The one small note that hovers beside what is pointed at. It never takes the pointer and never moves the page.

export type Tip = { x: number; y: number; lines: string[] };

let shown = $state.raw<Tip | null>(null);
let owner: object | null = null;

export const tip = {
  get now() {
    return shown;
  },
  show(by: object, next: Tip): void {
    owner = by;
    shown = next;
  },
  /** Only whoever showed it may hide it: the next one's note is not ours to take away. */
  hide(by: object): void {
    if (owner === by) shown = null;
  },
};
