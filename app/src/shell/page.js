// What the page does around the conversation, in the lobby and in a room, without the program: it reads what the list of rooms
// shows, and changes nothing that the program writes.
(() => {
  const root = document.documentElement;
  const find = (selector) => document.querySelector(selector);
  const list = find(".room-list");
  const field = find(".filter input");
  if (!list || !field) return;
  // Storage may be forbidden: then nothing is kept.
  const kept = (area, key, value) => {
    try {
      return value === undefined ? area()[key] : (area()[key] = value);
    } catch {
      return undefined;
    }
  };
  const tab = () => sessionStorage;
  const browser = () => localStorage;
  const all = () => [...list.querySelectorAll("a.room")];
  const shown = () => all().filter((link) => !link.parentElement.hidden);
  const room = (link) => link.querySelector(".room-name").textContent.trim();
  // Before the person's eyes: what comes there is as good as read.
  const isRead = (link) => link.ariaCurrent && document.hasFocus();

  // The list: it filters as one types, arrows move in it, and it stays where it was scrolled to.
  const fold = (text) => text.trim().normalize("NFKC").toLowerCase();
  const filter = () => {
    for (const link of all()) link.parentElement.hidden = !fold(room(link)).includes(fold(field.value));
  };
  field.addEventListener("input", filter);
  field.form.addEventListener("submit", (event) => {
    const first = field.value.trim() && shown()[0];
    if (!first) return;
    event.preventDefault();
    first.click();
  });
  const move = (event, from, by) => {
    const links = shown();
    const to = by > 0 || links.indexOf(from) > 0 ? links[links.indexOf(from) + by] : field;
    to?.focus();
    event.preventDefault();
  };
  list.scrollTop = kept(tab, "maru/rooms-at") ?? 0;
  addEventListener("pagehide", () => list.offsetParent && kept(tab, "maru/rooms-at", list.scrollTop));
  find(".room-head .back")?.addEventListener("click", (event) => {
    // A link within the page, such as the one to the composer, put an entry of its own before the list's.
    if (document.referrer !== `${location.origin}/` || history.length < 2 || location.hash) return;
    event.preventDefault();
    history.back();
  });

  // Keys: none of a single letter. F6 goes from region to region.
  const regions = () => [field, find("[role=log]"), find("#body, main input:not([type=hidden])")].filter((part) => part?.offsetParent);
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    const link = target.closest?.("a.room");
    const by = { ArrowDown: 1, ArrowUp: -1 }[key];
    if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === "k" && field.offsetParent) {
      event.preventDefault();
      field.select();
      field.focus();
    } else if (key === "F6" && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      const parts = regions();
      const here = parts.findIndex((part) => part === target || part.contains(target) || part.closest(".rooms")?.contains(target));
      parts.at((here + (event.shiftKey ? -1 : 1) + (here < 0 && event.shiftKey ? 1 : 0)) % parts.length)?.focus();
    } else if (by && !event.isComposing && (link || (target === field && by > 0))) {
      move(event, link, by);
    } else if (key === "Escape" && !event.isComposing) {
      const open = find("details.people[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      } else if (target === field && field.value) {
        field.value = "";
        filter();
      } else return;
      event.preventDefault();
    }
  }, true);
  addEventListener("click", ({ target }) => {
    for (const open of document.querySelectorAll("details.people[open]")) open.open = open.contains(target);
    if (target.closest?.("[data-copy-address]")) navigator.clipboard?.writeText(location.href.split(/[?#]/)[0]);
  });

  // What is unread: in the title, on the icons, and as notifications.
  const title = document.title.replace(/^\(\d+\+?\) /, "");
  const icon = find("link[rel=icon][type]");
  const known = new Map();
  const waiting = new Map();
  const count = (link, name) => Number(link.dataset[name] ?? 0);
  const look = () => {
    let total = 0;
    for (const link of all()) {
      const [name, unread, mentions] = [room(link), count(link, "unread"), count(link, "mentions")];
      const before = known.get(name) ?? { unread: 0, mentions: 0 };
      known.set(name, { unread, mentions });
      if (!isRead(link)) total += unread;
      if (unread < before.unread) forget(name);
      if (unread > before.unread || mentions > before.mentions) consider(name, link, mentions > before.mentions);
    }
    root.toggleAttribute("data-focused", document.hasFocus());
    document.title = (total ? `(${total > 99 ? "99+" : total}) ` : "") + title;
    if (icon) icon.href = total ? "/icon-unread.svg" : "/icon.svg";
    (total ? navigator.setAppBadge?.(total) : navigator.clearAppBadge?.())?.catch(() => {});
  };

  // One tab notifies for all of them; the lobby hears of nothing. It waits a little: what another tab or device shows meanwhile
  // needs no notification.
  let leads = false;
  find("[data-connection]") && navigator.locks?.request("maru/notify", () => {
    leads = true;
    return new Promise(() => {});
  });
  const wish = () => kept(browser, "maru/notify") ?? "off";
  const may = () => globalThis.Notification?.permission === "granted";
  const forget = (name) => {
    clearTimeout(waiting.get(name));
    waiting.delete(name);
  };
  const consider = (name, link, mentioned) => {
    if (!leads || !may() || !(wish() === "all" || (mentioned && wish() === "mentions"))) return;
    if (isRead(link)) return;
    forget(name);
    const tag = `${name}:${link.dataset.row}`;
    const body = link.querySelector(".preview")?.textContent ?? "";
    waiting.set(name, setTimeout(async () => {
      waiting.delete(name);
      const worker = await navigator.serviceWorker?.ready;
      worker?.showNotification(name, { body, tag, icon: "/icon-192.png", data: link.href });
    }, 2000));
  };
  for (const link of all()) known.set(room(link), { unread: count(link, "unread"), mentions: count(link, "mentions") });
  look();
  addEventListener("focus", look);
  addEventListener("blur", look);
  // Places in the list change their rooms; the keyboard goes along with its room.
  let focused;
  list.addEventListener("focusin", ({ target }) => (focused = target.href));
  new MutationObserver(() => {
    if (field.value) filter();
    look();
    const here = document.activeElement;
    if (list.contains(here) && here.href !== focused) all().find((link) => link.href === focused)?.focus();
  }).observe(list, { subtree: true, childList: true, characterData: true, attributeFilter: ["data-unread", "data-mentions", "href"] });

  // The choice of notifications: asked for by its button only.
  const choices = [...document.querySelectorAll("[data-notify]")];
  const choose = () => {
    for (const choice of choices) choice.ariaPressed = String(choice.dataset.notify === (may() ? wish() : "off"));
  };
  for (const choice of choices) {
    choice.closest(".setting").hidden = !(globalThis.Notification && navigator.serviceWorker);
    choice.addEventListener("click", async () => {
      const wanted = choice.dataset.notify;
      if (wanted !== "off" && !may()) await Notification.requestPermission();
      find(".blocked").hidden = wanted === "off" || may();
      kept(browser, "maru/notify", wanted);
      choose();
    });
  }
  choose();

  // A server with other files than this page's: the page says so and goes on; it is loaded again when the person wants it.
  const head = find("[data-connection]");
  const update = find(".update");
  if (head && update) {
    update.querySelector("button").addEventListener("click", () => location.reload());
    new MutationObserver(async () => {
      if (head.dataset.connection !== "live") return;
      const answer = await fetch("/build").catch(() => null);
      if (answer?.ok && (await answer.text()) !== root.dataset.build) update.hidden = false;
    }).observe(head, { attributeFilter: ["data-connection"] });
  }
  // The language is in the address, so that the page without a network is in it, too.
  navigator.serviceWorker?.register(`/worker.js?${root.lang}-${root.dataset.build}`).catch(() => {});
})();
