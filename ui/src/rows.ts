// Arrow keys walk a table's rows: each row has one link, and that is what they move between.

export function keyRows(body: HTMLElement): () => void {
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || !(event.target instanceof Element)) return;
    const row = event.target.closest("tr");
    const links = [...body.querySelectorAll<HTMLElement>(".row-link")];
    const at = links.findIndex((link) => link.closest("tr") === row);
    const next = links[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  body.addEventListener("keydown", move);
  return () => body.removeEventListener("keydown", move);
}
