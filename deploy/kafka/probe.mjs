// Asks a Kafka broker, in its own protocol, whether it is one that we started and, if told so, whether topics can be created.
//
//   node probe.mjs HOST:PORT CLUSTER_ID [topics]
//
// exit 0: yes; 1: not yet, and why; 2: another cluster answers there.

import { connect } from "node:net";

const CREATE_TOPICS = { key: 19, version: 5 };
const DESCRIBE_CLUSTER = { key: 60, version: 0 };
const LIMIT_MS = 5_000;

const [address, expected, part] = process.argv.slice(2);

/** Lengths in compact encodings are unsigned varints of the length plus one; ours all fit one byte. */
const compactString = (text) => Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text)]);
const NO_TAGS = Buffer.from([0]);

/** Sends one request and gives the body of its answer. */
function ask(api, body) {
  const header = Buffer.alloc(10);
  header.writeInt16BE(api.key, 0);
  header.writeInt16BE(api.version, 2);
  header.writeInt32BE(1, 4); // correlation id
  header.writeInt16BE(-1, 8); // no client id
  const payload = Buffer.concat([header, NO_TAGS, body]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(Buffer.concat([size, payload])));
    let received = Buffer.alloc(0);
    socket.setTimeout(LIMIT_MS, () => reject(new Error("no answer")) || socket.destroy());
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      resolve(received.subarray(4 + 4 + 1)); // size, correlation id, tags
      socket.destroy();
    });
  });
}

/** Reads a nullable compact string; gives it and what follows it. */
function readCompactString(bytes) {
  const length = bytes[0] === 0 ? 0 : bytes[0] - 1;
  return [bytes.toString("utf8", 1, 1 + length), bytes.subarray(1 + length)];
}

async function clusterId() {
  const answer = await ask(DESCRIBE_CLUSTER, Buffer.concat([Buffer.from([0]), NO_TAGS]));
  const [, afterMessage] = readCompactString(answer.subarray(4 + 2)); // throttle time, error code
  return readCompactString(afterMessage)[0];
}

/** What a creation of a topic would meet now, without creating it: Kafka's error code. */
async function creationError() {
  const body = Buffer.concat([
    Buffer.from([2]), // one topic
    compactString("probe"),
    Buffer.from([0, 0, 0, 1]), // partitions
    Buffer.from([0xff, 0xff]), // the broker's default of copies, for which enough brokers must be there
    Buffer.from([1, 1]), // no assignments, no settings
    NO_TAGS,
    Buffer.from([0, 0, 0x0b, 0xb8]), // 3 s
    Buffer.from([1]), // validate only
    NO_TAGS,
  ]);
  const answer = await ask(CREATE_TOPICS, body);
  const [, afterName] = readCompactString(answer.subarray(4 + 1)); // throttle time, count of topics
  return afterName.readInt16BE(0);
}

try {
  const found = await clusterId();
  if (found !== expected) {
    console.log(`another Kafka cluster (${found}) answers at ${address}`);
    process.exitCode = 2;
  } else if (part === "topics") {
    const error = await creationError();
    if (error !== 0) {
      console.log(`topics cannot be created yet (Kafka's error ${error})`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
}
