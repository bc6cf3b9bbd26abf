// Shows the instants that the server wrote in UTC in the reader's own time zone and manner, before the first paint and
// without WASM.
(() => {
  const root = document.documentElement;
  const format = (options) => new Intl.DateTimeFormat(root.dataset.locale, options);
  // The reader's own variety of the page's language: en-GB has other clocks than en-US.
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === root.lang) ?? root.lang;
  try {
    root.dataset.locale = Intl.getCanonicalLocales(locale)[0];
  } catch {
    root.dataset.locale = root.lang;
  }
  const clock = format({ hour: "numeric", minute: "2-digit" });
  const date = format({ month: "short", day: "numeric" });
  const relative = new Intl.RelativeTimeFormat(root.dataset.locale, { numeric: "auto" }).format(-1, "day");
  const daysAgo = (days) => new Date(Date.now() - days * 86_400_000).toDateString();
  const recent = (instant) => {
    if (instant.toDateString() === daysAgo(0)) return clock.format(instant);
    if (instant.toDateString() !== daysAgo(1)) return date.format(instant);
    return relative.charAt(0).toUpperCase() + relative.slice(1);
  };
  for (const element of document.querySelectorAll("time[datetime*=T]")) {
    const write = element.closest(".rooms, .hits") ? recent : clock.format;
    element.firstChild.data = write(new Date(element.dateTime));
  }
  // The newest message is what one comes for, unless it is a certain one, or the first that one has not read if there is more than a screenful of them.
  const timeline = document.querySelector("[role=log]");
  if (!timeline) return;
  timeline.scrollTop = timeline.scrollHeight;
  const top = (element) => element.getBoundingClientRect().top;
  const divider = timeline.querySelector(".unread");
  const focused = timeline.querySelector(".focused");
  if (focused) focused.scrollIntoView({ block: "center" });
  else if (divider && top(divider) < top(timeline)) timeline.scrollTop += top(divider) - top(timeline) - timeline.clientHeight / 3;
})();
