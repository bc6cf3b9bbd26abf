// Shows notifications, and a page that says so when there is no network. Everything else comes from the server: a page that is
// shown is never an old one.
const OFFLINE = "/offline";

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(
    (async () => {
      const answer = await fetch(OFFLINE, { cache: "no-store" });
      if (!answer.ok) throw new Error(`${OFFLINE}: ${answer.status}`);
      const style = /\/pkg\/[^"]+\.css/.exec(await answer.clone().text());
      const cache = await caches.open("offline");
      for (const old of await cache.keys()) await cache.delete(old);
      await cache.put(OFFLINE, answer);
      if (style) await cache.add(style[0]);
    })(),
  );
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([clients.claim(), registration.navigationPreload?.enable()]));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = request.mode === "navigate" && request.method === "GET";
  if (!isPage && request.destination !== "style") return;
  const fromServer = async () => (isPage && (await event.preloadResponse)) || fetch(request);
  event.respondWith(
    fromServer().catch(async (error) => {
      const kept = await caches.match(isPage ? OFFLINE : request);
      if (!kept) throw error;
      return kept;
    }),
  );
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = event.notification.data;
  event.waitUntil(
    (async () => {
      const pages = await clients.matchAll({ type: "window" });
      const here = pages.find((page) => page.url.split(/[?#]/)[0] === url) ?? pages[0];
      if (!here) return clients.openWindow(url);
      await here.focus();
      if (here.url.split(/[?#]/)[0] !== url) await here.navigate(url);
    })(),
  );
});
