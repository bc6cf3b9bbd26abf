//! The environment as a source of settings.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::settings::{Setting, all};
use super::sources::{Source, Value};
use super::{ConfigError, spelling};

/// Environment variables, by name.
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// Those that this program was started with.
    pub fn of_this_program() -> Self {
        Self::from_variables(std::env::vars_os())
    }

    pub(super) fn from_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        // A name that is not text is none of ours.
        let variables = variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self { variables }
    }

    /// What a variable says of a setting.
    pub(super) fn value(&self, setting: &Setting) -> Result<Option<Value>, ConfigError> {
        let variable = setting.variable;
        let Some(value) = self.variables.get(variable) else {
            return Ok(None);
        };
        let text = value.to_str().ok_or(ConfigError::NotText { variable })?;
        Ok(Some(Value {
            text: text.to_owned(),
            source: Source::Environment(variable),
        }))
    }

    /// What `cargo leptos` tells a server under development; people's own settings win over it.
    pub(super) fn of_cargo_leptos(&self) -> BTreeMap<&'static str, Value> {
        let value = |variable, text: &str| Value {
            text: text.to_owned(),
            source: Source::Environment(variable),
        };
        let mut values = BTreeMap::new();
        if self.text("LEPTOS_WATCH").is_some() {
            values.insert("data", value("LEPTOS_WATCH", "data/dev"));
        }
        for (key, variable) in [("listen", "LEPTOS_SITE_ADDR"), ("site", "LEPTOS_SITE_ROOT")] {
            if let Some(text) = self.text(variable) {
                values.insert(key, value(variable, text));
            }
        }
        values
    }

    /// The port of `cargo leptos watch`'s reload socket, when run by it.
    pub(super) fn reload_port(&self) -> Option<u16> {
        self.text("LEPTOS_WATCH")?;
        self.text("LEPTOS_RELOAD_PORT")?.parse().ok()
    }

    /// Sentences about variables that look like misspelled settings.
    ///
    /// Only what is close to a setting is named: others own variables of this form, too, such as Kubernetes for a service `maru`.
    pub fn misspelled(&self) -> impl Iterator<Item = String> {
        self.variables
            .keys()
            .filter(|name| all().all(|setting| setting.variable != name.as_str()))
            .filter_map(|name| {
                let meant = spelling::variable(name)?;
                Some(format!(
                    "the environment variable {name} is not a setting: did you mean {meant}?"
                ))
            })
    }

    fn text(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable)?.to_str()
    }
}
