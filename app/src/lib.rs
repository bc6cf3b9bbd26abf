//! Maru's pages, rendered on the server and hydrated in the browser, and the browser's chat engine.
//!
//! # Layout
//!
//! - `shell`: whole documents, for the server (feature `ssr`)
//! - `lobby` and `room`: the two pages; `rooms` and `session`: the parts they share
//! - `timeline`: from messages to rows: days, runs, times
//! - [`i18n`]: every sentence; `civil`, `clock` and `person`: dates, times and people as text and colour
//! - [`chat`]: the engine behind a room; `live` connects it to the browser (feature `hydrate`)
//! - `json`: what the server says in JSON, for the browser
//!
//! Everything but `shell` and `live` compiles the same on both sides, which is what makes the browser's first view equal the
//! server's HTML. Nothing here asks a clock, a locale or the width of the window while it renders.

pub mod chat;
pub mod i18n;

#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod civil;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub use civil::utc_datetime;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod clock;
#[cfg(any(feature = "hydrate", test))]
mod json;
#[cfg(feature = "hydrate")]
mod live;
#[cfg(feature = "ssr")]
mod lobby;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod person;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod room;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod rooms;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod session;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
mod timeline;

#[cfg(feature = "hydrate")]
pub use live::{hydrate, show_crash};
