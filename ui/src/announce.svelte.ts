// What a screen reader is told when something changes by itself: politely, and only what matters.
let said = $state("");

export const announcement = (): string => said;
export function announce(text: string): void {
  said = text;
}
