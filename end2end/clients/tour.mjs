// A tour of STOMP through @stomp/stompjs: everything a program needs, once. Gives what came back, in order.

import { Client } from "@stomp/stompjs";
import WebSocket from "ws";

/** `place` has the destinations to `send` to and to `subscribe` to, of the same messages. */
export async function tour(socketUrl, { login, passcode }, place) {
  const [heard, receipts] = [[], []];
  let failure, client;
  const waiting = new Set();
  const until = async (condition) => {
    while (!condition()) {
      if (failure) throw failure;
      await new Promise((resolve) => waiting.add(resolve));
    }
  };
  const wake = () => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const fail = (error) => {
    failure ??= error;
    wake();
  };
  const receipt = (id) => {
    client.watchForReceipt(id, () => {
      receipts.push(id);
      wake();
    });
    return { receipt: id };
  };
  const send = (body, headers) => client.publish({ destination: place.send, body, headers });
  const hear = (message) => {
    heard.push(message);
    wake();
  };

  await new Promise((resolve, reject) => {
    client = new Client({
      webSocketFactory: () => new WebSocket(socketUrl, ["v12.stomp", "v11.stomp", "v10.stomp"]),
      connectHeaders: { login, passcode },
      heartbeatIncoming: 1_000,
      heartbeatOutgoing: 1_000,
      reconnectDelay: 0,
      onConnect: resolve,
      onStompError: (frame) => {
        const error = new Error(`ERROR ${JSON.stringify(frame.headers)} ${frame.body}`);
        reject(error);
        fail(error);
      },
      onWebSocketClose: (event) => fail(new Error(`the socket closed with ${event.code}`)),
    });
    client.activate();
  });
  const subscription = client.subscribe(place.subscribe, hear, { ack: "client-individual", ...receipt("subscribe") });
  await until(() => receipts.includes("subscribe"));
  send("하나", receipt("one"));
  await until(() => heard.length === 1 && receipts.includes("one"));
  heard[0].ack(receipt("ack"));
  await until(() => receipts.includes("ack"));
  const dropped = client.begin("dropped");
  send("둘", { transaction: dropped.id });
  dropped.abort();
  const kept = client.begin("kept");
  send("셋", { transaction: kept.id });
  send("넷", { transaction: kept.id });
  kept.commit();
  await until(() => heard.length === 3);
  for (const message of heard.slice(1)) message.ack();
  subscription.unsubscribe(receipt("unsubscribe"));
  await until(() => receipts.includes("unsubscribe"));
  send("다섯", receipt("five"));
  await until(() => receipts.includes("five"));
  client.disconnectHeaders = { receipt: "disconnect" };
  const left = new Promise((resolve) => (client.onDisconnect = resolve));
  await Promise.all([left, client.deactivate()]);
  receipts.push("disconnect");
  return { heard: heard.map((message) => message.body), receipts };
}
