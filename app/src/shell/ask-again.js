// Asks for this page until it is there, and meanwhile shows what the server says of its progress.
(() => {
  const ask = async () => {
    const answer = await fetch(location.href).catch(() => null);
    if (answer && answer.status !== 503) return location.reload();
    const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
    const sentence = page?.querySelector("main p")?.textContent;
    if (sentence) document.querySelector("main p").textContent = sentence;
    setTimeout(ask, SECONDS * 1000);
  };
  setTimeout(ask, SECONDS * 1000);
})();
