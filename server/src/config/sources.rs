//! What was given, by whom: later sources win over earlier ones.

use std::collections::BTreeMap;
use std::fmt;

use super::settings::{CONFIG, KAFKA_PROPERTY, SETTINGS, Setting};
use super::{Arguments, ConfigError, Environment, file};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Nobody gave it.
    Default,
    /// A file.
    File {
        /// The file.
        path: String,
        /// Where in it, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
    /// The command line.
    Argument,
}

impl Source {
    /// A setting as this source calls it.
    pub(super) fn name(&self, setting: &Setting) -> String {
        match self {
            Self::Default => setting.key.to_owned(),
            Self::File { path, line } => {
                format!("{} in line {line} of {path}", setting.key)
            }
            Self::Environment(variable) => (*variable).to_owned(),
            Self::Argument => format!("--{}", setting.argument()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            // In quotes, with what would end the line escaped.
            Self::File { path, line } => write!(formatter, "file {path:?}, line {line}"),
            Self::Environment(variable) => write!(formatter, "environment {variable}"),
            Self::Argument => formatter.write_str("argument"),
        }
    }
}

/// A value as it was written, and by whom.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) source: Source,
}

/// All values in force. Not `Debug`: the properties may hold passwords.
pub struct Given {
    /// By the setting's key, where it is not the default.
    pub(super) chosen: BTreeMap<&'static str, Value>,
    /// librdkafka's, by their names.
    pub(super) properties: BTreeMap<String, Value>,
    /// The file's path.
    pub(super) file: Option<Value>,
    /// The port of `cargo leptos watch`'s reload socket, when run by it.
    pub(super) reload_port: Option<u16>,
}

impl Given {
    /// Puts together what all sources give.
    pub fn gather(arguments: &Arguments, environment: &Environment) -> Result<Self, ConfigError> {
        let mut given = Self {
            chosen: BTreeMap::new(),
            properties: BTreeMap::new(),
            file: None,
            reload_port: environment.reload_port(),
        };
        for (key, value) in environment.of_cargo_leptos() {
            given.chosen.insert(key, value);
        }
        if let Some(path) = arguments
            .value(&CONFIG)
            .or(environment.value(&CONFIG)?)
            .filter(|path| !path.text.is_empty())
        {
            file::read(&path, &mut given)?;
            given.file = Some(path);
        }
        for setting in SETTINGS {
            let over = arguments.value(setting).or(environment.value(setting)?);
            if let Some(value) = over {
                given.chosen.insert(setting.key, value);
            }
        }
        if let Some(list) = environment.value(&KAFKA_PROPERTY)? {
            given.add_properties(list.text.split(';'), &list.source)?;
        }
        let lists = arguments.kafka_properties.iter();
        given.add_properties(lists.flat_map(|list| list.split(';')), &Source::Argument)?;
        Ok(given)
    }

    fn add_properties<'a>(
        &mut self,
        list: impl Iterator<Item = &'a str>,
        source: &Source,
    ) -> Result<(), ConfigError> {
        for (property, number) in list.zip(1..).filter(|(property, _)| !property.is_empty()) {
            let (name, text) = property
                .split_once('=')
                .ok_or_else(|| ConfigError::Property {
                    name: source.name(&KAFKA_PROPERTY),
                    number,
                })?;
            let value = Value {
                text: text.to_owned(),
                source: source.clone(),
            };
            self.properties.insert(name.trim().to_owned(), value);
        }
        Ok(())
    }

    /// The value in force.
    pub(super) fn value(&self, setting: &Setting) -> Value {
        self.chosen
            .get(setting.key)
            .cloned()
            .unwrap_or_else(|| Value {
                text: setting.default.to_owned(),
                source: Source::Default,
            })
    }

    /// The settings and the values in force, in the order of the list.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static Setting, Value)> {
        SETTINGS
            .iter()
            .map(|setting| (*setting, self.value(setting)))
    }

    /// Reads the value in force, or says why it cannot be used.
    pub(super) fn read<T>(
        &self,
        setting: &Setting,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let Value { text, source } = self.value(setting);
        read(&text).ok_or_else(|| ConfigError::Value {
            name: source.name(setting),
            value: text,
            allowed: setting.allowed,
        })
    }

    pub(super) fn kafka_properties(&self) -> BTreeMap<String, String> {
        self.properties
            .iter()
            .map(|(name, value)| (name.clone(), value.text.clone()))
            .collect()
    }
}
