//! One typed configuration: defaults < file < environment < arguments.
//!
//! [`settings`] lists every setting once. Whatever a source gives is kept as text together with where it came from
//! ([`sources`]), and read into the typed [`Config`] at the end, so that every source is checked by the same rules.

mod arguments;
mod environment;
mod error;
mod file;
mod properties;
mod settings;
mod show;
mod sources;
mod spelling;
#[cfg(test)]
mod tests;
mod values;

pub use arguments::{Arguments, Command};
pub use environment::Environment;
pub use error::ConfigError;
pub use settings::Config;
pub use sources::Given;
pub use values::Profile;
