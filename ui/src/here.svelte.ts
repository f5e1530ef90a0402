// The router: the address is the page's state. Links stay plain <a href>; the server falls back to index.html.
import { routeOf, type Route } from "./route";

let path = $state(location.pathname);
let search = $state(location.search);
const route: Route = $derived(routeOf(path));
const params = $derived(new URLSearchParams(search));

export const here = {
  get path() {
    return path;
  },
  get route() {
    return route;
  },
  param: (name: string): string | null => params.get(name),
};

function read(): void {
  path = location.pathname;
  search = location.search;
}

export function go(href: string): void {
  history.pushState(null, "", href);
  read();
  scrollTo(0, 0);
  arriving = true;
  requestAnimationFrame(() => {
    const heading = document.querySelector<HTMLElement>("main h1");
    if (heading) welcome(heading);
  });
}

let arriving = false;

/** The new page's heading takes the focus, so that a screen reader says where we are. It may come late. */
export function welcome(heading: HTMLElement): void {
  if (!arriving) return;
  arriving = false;
  heading.focus();
}

/** Change parts of the query in place; null leaves a part out. `push` makes it a step that Back undoes. */
export function setParams(parts: Record<string, string | null>, push = false): void {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parts)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  const href = location.pathname + (text ? `?${text}` : "");
  if (push) history.pushState(null, "", href);
  else history.replaceState(null, "", href);
  read();
}

/** Whether a click on this link is ours: not a new tab, another origin, a download, or the API itself. */
function ours(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  return (
    plain &&
    !event.defaultPrevented &&
    link.origin === location.origin &&
    !link.target &&
    !link.hasAttribute("download") &&
    !link.pathname.startsWith("/api/") &&
    !(link.hash && link.pathname === location.pathname)
  );
}

export function listen(): () => void {
  const click = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
    if (!link || !ours(event, link)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  };
  document.addEventListener("click", click);
  addEventListener("popstate", read);
  return () => {
    document.removeEventListener("click", click);
    removeEventListener("popstate", read);
  };
}
