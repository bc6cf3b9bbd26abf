//! Maru's pages, rendered on the server and hydrated in the browser, and the browser's chat engine.

pub mod chat;
