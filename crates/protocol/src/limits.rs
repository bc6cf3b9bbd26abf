//! Sizes and counts that the browser respects and the server enforces.

/// Longest message text in characters (Unicode scalar values).
pub const TEXT_CHARS: usize = 4_000;
/// Longest message text in bytes of UTF-8.
pub const TEXT_BYTES: usize = 16 * 1024;
/// Longest room name in characters.
pub const ROOM_CHARS: usize = 40;
/// Longest nickname in user-perceived characters (grapheme clusters).
pub const NICKNAME_GRAPHEMES: usize = 20;
/// Longest `client-msg-id` in bytes.
pub const CLIENT_MSG_ID_BYTES: usize = 64;
/// Longest value of a record in bytes; the longest that a server writes for a SEND of 64 KiB is shorter.
pub const RECORD_BYTES: usize = 512 * 1024;
/// Longest id, sender's id and sender's name in a record, in bytes: they become headers, which clients limit.
pub const RECORD_NAME_BYTES: usize = 1024;
/// Messages in a page of history when the client does not say.
pub const PAGE: usize = 50;
/// Most messages in one page of history.
pub const PAGE_MAX: usize = 200;
/// Most messages that one SUBSCRIBE replays; more are fetched page by page.
pub const RECOVER: usize = 2_000;
/// Longest beginning of a message that an answer to it shows, in characters.
pub const QUOTE_CHARS: usize = 100;
/// Longest emoji of a reaction in bytes: a family of four with skin tones has 41.
pub const EMOJI_BYTES: usize = 64;
/// Most different emoji on one message; a further one is refused.
pub const REACTIONS: usize = 20;
/// Most people with the same emoji on one message; those after them change nothing.
pub const REACTORS: usize = 1_000;
/// So many `@` of a text are looked at for a mention.
pub const MENTIONS: usize = 50;
/// Most people of one room that a list names; above it only their number is told.
pub const PEOPLE: usize = 200;
