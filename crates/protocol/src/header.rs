//! Names of the STOMP headers that Maru adds to the standard ones (`docs/PROTOCOL.md` describes each).

/// SEND, MESSAGE: the id that the sender made before the first attempt; the same on every retry.
pub const CLIENT_MSG_ID: &str = "client-msg-id";
/// SEND: the position of the message that this one answers, changes, takes away, reacts to, or has read up to.
pub const REF: &str = "ref";
/// MESSAGE: the position of the message that this one answers.
pub const QUOTED: &str = "x-ref";
/// MESSAGE: the id of who wrote the message that this one answers.
pub const QUOTED_SENDER: &str = "x-ref-sender";
/// MESSAGE: the nickname of who wrote the message that this one answers.
pub const QUOTED_NAME: &str = "x-ref-name";
/// MESSAGE: the beginning of the message that this one answers; absent if it was deleted.
pub const QUOTED_TEXT: &str = "x-ref-text";
/// MESSAGE, RECEIPT: the epoch part of a position.
pub const EPOCH: &str = "x-epoch";
/// MESSAGE, RECEIPT: the offset part of a position.
pub const OFFSET: &str = "x-offset";
/// MESSAGE: offset of the message before this one in the same room; absent for the room's first.
pub const PREV: &str = "x-prev";
/// MESSAGE: when the log took the message, in Unix milliseconds.
pub const TIMESTAMP: &str = "x-ts";
/// MESSAGE: the sender's id, set by the server.
pub const SENDER: &str = "x-sender";
/// MESSAGE: the sender's nickname, set by the server.
pub const SENDER_NAME: &str = "x-sender-name";
/// MESSAGE: the kind of message, as in the record's `type`.
pub const TYPE: &str = "x-type";
/// MESSAGE: `true` on messages that were sent before the subscription's cut.
pub const REPLAY: &str = "x-replay";
/// RECEIPT of a SEND: `true` when an earlier copy with the same id is the one that counts.
pub const DUPLICATE: &str = "x-duplicate";
/// SUBSCRIBE: how many of the latest messages to replay.
pub const HISTORY: &str = "x-history";
/// SUBSCRIBE: epoch of the last message the client has.
pub const RECOVER_EPOCH: &str = "x-recover-epoch";
/// SUBSCRIBE: offset of the last message the client has; `-1` stands for "none".
pub const RECOVER_OFFSET: &str = "x-recover-offset";
/// RECEIPT of a SUBSCRIBE: `true` when the replay closes the gap.
pub const RECOVERED: &str = "x-recovered";
/// RECEIPT of a SUBSCRIBE: how many replayed messages follow.
pub const REPLAY_COUNT: &str = "x-replay-count";
/// Refusals: a word that a program can decide on.
pub const CODE: &str = "x-code";
/// Refusals: whether the same SEND may be tried again.
pub const RETRYABLE: &str = "x-retryable";
/// Refusals: how many milliseconds to wait before trying again.
pub const RETRY_AFTER_MS: &str = "x-retry-after-ms";
