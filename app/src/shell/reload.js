// Only under `cargo leptos watch`: follows edits.
(() => {
  const connect = () => {
    const socket = new WebSocket(`ws://${location.hostname}:${PORT}/live_reload`);
    socket.onmessage = ({ data }) => {
      const { all, css } = JSON.parse(data);
      if (all) location.reload();
      if (!css) return;
      for (const link of document.querySelectorAll("link[rel=stylesheet]")) {
        if (link.getAttribute("href").includes(css)) link.href = `/${css}?version=${Date.now()}`;
      }
    };
    socket.onclose = () => setTimeout(connect, 1000);
  };
  connect();
})();
