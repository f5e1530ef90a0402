// Shows what a push tells, also while the page is closed. Its scope is /push/, where no page is: it never stands
// between the page and the server.
self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data ? event.data.json() : {};
  } catch {
    // Not ours: a browser wants something to be shown all the same.
  }
  const text = (name) => (typeof told[name] === "string" ? told[name] : "");
  const shown = self.registration.showNotification(text("title") || "Vedette", {
    body: text("body"),
    tag: text("tag") || undefined, // what becomes of a matter stands where its beginning stood
    renotify: Boolean(text("tag")),
    lang: text("lang"),
    icon: "/mark.svg",
    data: { url: text("url") },
  });
  event.waitUntil(shown);
});

// Only places of this site are opened, whatever a message says.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  let place = new URL("/", self.location.origin);
  try {
    const wanted = new URL((event.notification.data || {}).url || "/", self.location.origin);
    if (wanted.origin === self.location.origin) place = wanted;
  } catch {
    // No address at all: the front page.
  }
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const open = pages.find((page) => new URL(page.url).pathname === place.pathname);
      return open ? open.focus() : self.clients.openWindow(place.href);
    }),
  );
});
