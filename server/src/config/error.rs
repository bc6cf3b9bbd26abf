//! What is wrong with a setting: names the setting, the value and what is allowed.

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is not allowed.
    #[error("{name} is {value:?}, but must be {allowed}")]
    Value {
        /// The setting as it was given: an argument, a variable, or a line of the file.
        name: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A variable holds something else than text.
    #[error("the environment variable {variable} is not valid UTF-8: give it a text")]
    NotText {
        /// The variable.
        variable: &'static str,
    },
    /// A librdkafka property without a value. It is not shown: it may be half of a password.
    #[error(
        "part {number} of {name} is not of the form NAME=VALUE, for example security.protocol=SASL_SSL; \
         parts are separated by `;`, so a value that holds one belongs into the file"
    )]
    Property {
        /// The setting as it was given.
        name: String,
        /// Which part, counted from 1.
        number: usize,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}; {name} names it")]
    Unreadable {
        /// The file.
        path: String,
        /// The setting that names it.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("line {line} of the configuration file {path} is not valid TOML: {reason} ({key})")]
    Syntax {
        /// The file.
        path: String,
        /// Where, counted from 1.
        line: usize,
        /// The line as far as its `=`: what follows may be a password.
        key: String,
        /// Why.
        reason: String,
    },
    /// The file has a key that is no setting.
    #[error("line {line} of the configuration file {path}: {key} is not a setting; {hint}")]
    Unknown {
        /// The file.
        path: String,
        /// Where, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// What may have been meant.
        hint: String,
    },
    /// The file has a table or a time where a plain value belongs. It is not shown: it may hold a password.
    #[error("line {line} of the configuration file {path}: {key} must be {allowed}")]
    Kind {
        /// The file.
        path: String,
        /// Where, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// What is allowed.
        allowed: &'static str,
    },
}
