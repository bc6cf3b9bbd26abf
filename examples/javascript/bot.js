// A bot for Maru on @stomp/stompjs: answers !ping and !시간 in one room, each question once. For Node.js (main.js) and for
// browsers (page.html); see ../README.md.

import { Client, ReconnectionTimeMode } from "@stomp/stompjs";

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What the bot says to a message, if anything. The same question gets the same answer, however often it is asked for. */
function answerTo(text, askedAt) {
  switch (text.trim()) {
    case "!ping":
      return "pong";
    case "!시간":
    case "!time":
      return new Date(askedAt).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  }
}

/**
 * Starts a bot, and gives the function that ends it in order.
 *
 * `open()` opens a WebSocket to the server. `load()` gives the position of the last message that has been dealt with, or
 * nothing at the very first start; `save(position)` keeps it. `log(sentence)` tells what goes on, `failed(sentence)` that
 * the server does not want the bot.
 */
export function startBot({ room, login, passcode, open, load, save, log, failed }) {
  let connection = 0; // which one, so that nothing of an old one is done on a new one
  let pause = 0; // milliseconds that the server asked for

  const client = new Client({
    webSocketFactory: open,
    connectHeaders: { login, passcode },
    heartbeatIncoming: 10_000,
    heartbeatOutgoing: 10_000,
    reconnectDelay: 1_000,
    maxReconnectDelay: 30_000,
    reconnectTimeMode: ReconnectionTimeMode.EXPONENTIAL,
    beforeConnect: () => sleep(pause),
    onConnect: ({ headers }) => serve(headers["x-sender"]),
    onWebSocketClose: () => {
      connection += 1;
      if (client.active) log("Not connected, trying again");
    },
    onStompError: ({ headers, body }) => {
      pause = Number(headers["x-retry-after-ms"] ?? 0);
      if (headers["x-retryable"] === "false") {
        client.deactivate();
        failed(`${headers.message}: ${body}`);
      }
    },
  });

  function serve(me) {
    const own = (connection += 1);
    const current = () => connection === own;
    let turn = Promise.resolve(); // Messages are dealt with one by one, in their order.
    let refused = () => {};

    /** Comes back when the message stands in the log, or was refused for good. */
    async function say(text, id) {
      while (current()) {
        const refusal = await new Promise((resolve) => {
          refused = resolve;
          client.watchForReceipt(id, () => resolve());
          const headers = { "content-type": "text/plain", "client-msg-id": id, receipt: id };
          client.publish({ destination: `/app/rooms.${room}.send`, body: text, headers });
        });
        if (!refusal) return;
        log(`Refused, ${refusal.headers["x-code"]}: ${refusal.body}`);
        if (refusal.headers["x-retryable"] !== "true") return;
        await sleep(Number(refusal.headers["x-retry-after-ms"] ?? 1_000));
      }
    }

    async function take({ headers, body }) {
      const toAnswer = headers["x-sender"] !== me && headers["x-type"] === "message";
      const text = toAnswer && answerTo(body, Number(headers["x-ts"]));
      // The id is made from the question's position. Whoever asks for this answer again, after a lost connection or a crash
      // of the bot, sends the same id, and the room shows it once.
      if (text) await say(text, `answer-${headers["message-id"]}`);
      if (current()) keep(headers);
    }

    pause = 0;
    const last = load();
    const recovery = last ? { "x-recover-epoch": last.epoch, "x-recover-offset": last.offset } : {};
    client.subscribe("/user/queue/replies", (refusal) => refused(refusal));
    client.watchForReceipt("room", ({ headers }) => {
      if (!last || headers["x-recovered"] === "false") keep(headers); // Nothing is replayed: what comes follows this position.
      log(`In ${room}, ${headers["x-replay-count"] ?? 0} messages to catch up with`);
    });
    const queue = (message) => (turn = turn.then(() => take(message)));
    client.subscribe(`/topic/rooms.${room}`, queue, { id: "room", receipt: "room", ...recovery });
  }

  const keep = (headers) => save({ epoch: headers["x-epoch"], offset: headers["x-offset"] });

  client.activate();
  // Comes back when the server has answered the DISCONNECT, so all that was sent has arrived.
  return () => client.deactivate();
}
