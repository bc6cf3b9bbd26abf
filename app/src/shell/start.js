// Shows the instants that the server wrote in UTC in the reader's own time zone, before the first paint and without WASM.
(() => {
  const language = document.documentElement.lang;
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const date = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
  const today = new Date().toDateString();
  for (const element of document.querySelectorAll("time[datetime*=T]")) {
    const instant = new Date(element.dateTime);
    const dated = element.closest("nav") && instant.toDateString() !== today;
    element.firstChild.data = (dated ? date : clock).format(instant);
  }
  // The newest message is what one comes for.
  const timeline = document.querySelector("[role=log]");
  if (timeline) timeline.scrollTop = timeline.scrollHeight;
})();
