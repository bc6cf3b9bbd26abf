//! The WASM entry point: hydrate, nothing else.
