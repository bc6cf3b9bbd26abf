// What a page is asked to note about itself while it is measured, and what the browser's own tools say of it.

/** Lighthouse's phone: 150 ms to the server and back, 1,638 kbit/s, a quarter of this machine's speed. */
export async function throttle(session) {
  const kilobits = 1_000 / 8;
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 150,
    downloadThroughput: 1_638 * kilobits,
    uploadThroughput: 750 * kilobits,
  });
  await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
}

/** To be run before the page: paints, shifts, long tasks and slow events from the first moment on. */
export function noteVitals() {
  window.vitals = { shifts: 0, lcp: 0, tasks: [], events: [] };
  const observe = (type, note, options = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true, ...options });
  observe("layout-shift", (entry) => (window.vitals.shifts += entry.hadRecentInput ? 0 : entry.value));
  observe("largest-contentful-paint", (entry) => (window.vitals.lcp = entry.startTime));
  observe("longtask", (entry) => window.vitals.tasks.push([entry.startTime, entry.duration]));
  observe("event", (entry) => entry.interactionId && window.vitals.events.push(entry.duration), { durationThreshold: 16 });
}

/** Milliseconds since the navigation began, and what shifted. */
export const vitals = (page) =>
  page.evaluate(() => {
    const fcp = performance.getEntriesByName("first-contentful-paint")[0].startTime;
    const hydrated = performance.getEntriesByName("hydrated")[0]?.startTime;
    const blocking = window.vitals.tasks.filter(([start]) => start > fcp).map(([, duration]) => duration - 50);
    return { fcp, hydrated, lcp: window.vitals.lcp, shifts: window.vitals.shifts, tbt: blocking.reduce((sum, time) => sum + time, 0) };
  });

/** Collects what the network carries: bytes as they were on the wire, by the address's ending. */
export async function noteTraffic(session) {
  const urls = new Map();
  const traffic = [];
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", ({ requestId, request }) => urls.set(requestId, request.url));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = urls.get(requestId);
    if (url?.startsWith("http")) traffic.push({ url, bytes: encodedDataLength });
  });
  return traffic;
}

/** On the page: milliseconds between its frames from now on; `window.stopFrames()` gives them. */
export function noteFrames() {
  const times = [];
  let last = performance.now();
  let goesOn = true;
  const note = (now) => {
    times.push(now - last);
    last = now;
    if (goesOn) requestAnimationFrame(note);
  };
  requestAnimationFrame((now) => {
    last = now;
    requestAnimationFrame(note);
  });
  window.stopFrames = () => {
    goesOn = false;
    return times;
  };
}

/** On the page: milliseconds from Enter until the frame with the own bubble is painted, in `window.painted`. */
export function notePaints() {
  window.painted = [];
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter") return;
      const start = event.timeStamp;
      const text = event.target.value.trim();
      const look = () => {
        const bubbles = document.querySelectorAll("[role=log] .bubble");
        if (bubbles[bubbles.length - 1]?.textContent.trim() !== text) return requestAnimationFrame(look);
        // What a frame shows is painted when the task after it runs.
        setTimeout(() => window.painted.push(performance.now() - start));
      };
      requestAnimationFrame(look);
    },
    { capture: true },
  );
}

/** The middle of a list of numbers, and what 95 of 100 stay below. */
export function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { median: at(0.5), p95: at(0.95), most: sorted.at(-1), rounds: sorted.length };
}
