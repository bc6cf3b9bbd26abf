//! The TOML file as a source of settings.
//!
//! Its errors name keys and lines, never what stands behind a `=`: that may be a password.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{CONFIG, SETTINGS};
use super::sources::{Given, Source, Value};
use super::{ConfigError, spelling};

/// The table of librdkafka's properties.
const PROPERTIES: &str = "kafka";

/// Adds what the file says.
pub(super) fn read(named: &Value, given: &mut Given) -> Result<(), ConfigError> {
    let path = &named.text;
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.clone(),
        name: named.source.name(&CONFIG),
        source,
    })?;
    parse(path, &text, given)
}

/// Adds what a file with this text says.
fn parse(path: &str, text: &str, given: &mut Given) -> Result<(), ConfigError> {
    let file = File { path, text };
    let table = DeTable::parse(text).map_err(|error| file.not_toml(&error))?;
    for (key, value) in table.get_ref() {
        let line = file.line(key.span().start);
        let key = key.get_ref().as_ref();
        if key == PROPERTIES {
            match value.get_ref() {
                DeValue::Table(table) => file.properties("", table, given)?,
                _ => return Err(file.kind(line, key, "a table of librdkafka's properties")),
            }
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(file.unknown(line, key));
        };
        let text = plain(value.get_ref())
            .or_else(|| list(value.get_ref()))
            .ok_or_else(|| file.kind(line, key, setting.allowed))?;
        let source = file.source(line);
        given.chosen.insert(setting.key, Value { text, source });
    }
    Ok(())
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// Which line this byte is on, counted from 1.
    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn source(&self, line: usize) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line,
        }
    }

    /// Properties whose names begin so. Without quotes, TOML takes the dots in a name for tables within tables.
    fn properties(
        &self,
        prefix: &str,
        table: &DeTable<'_>,
        given: &mut Given,
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                self.properties(&format!("{name}."), table, given)?;
                continue;
            }
            let line = self.line(key.span().start);
            let text = plain(value.get_ref())
                .ok_or_else(|| self.kind(line, &name, "a text, a number, or true or false"))?;
            let source = self.source(line);
            given.properties.insert(name, Value { text, source });
        }
        Ok(())
    }

    fn not_toml(&self, error: &toml::de::Error) -> ConfigError {
        let line = self.line(error.span().map_or(0, |span| span.start));
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        ConfigError::Syntax {
            path: self.path.to_owned(),
            line,
            key: text.split('=').next().unwrap_or_default().trim().to_owned(),
            reason: error.message().to_owned(),
        }
    }

    fn kind(&self, line: usize, key: &str, allowed: &'static str) -> ConfigError {
        ConfigError::Kind {
            path: self.path.to_owned(),
            line,
            key: key.to_owned(),
            allowed,
        }
    }

    fn unknown(&self, line: usize, key: &str) -> ConfigError {
        let hint = spelling::key(key).map_or_else(
            || {
                let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
                format!("there are {} and the table [{PROPERTIES}]", keys.join(", "))
            },
            |meant| format!("did you mean {meant}?"),
        );
        ConfigError::Unknown {
            path: self.path.to_owned(),
            line,
            key: key.to_owned(),
            hint,
        }
    }
}

/// A single value as text.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A list of values as other sources write it.
fn list(value: &DeValue<'_>) -> Option<String> {
    let items: Option<Vec<_>> = value
        .as_array()?
        .iter()
        .map(Spanned::get_ref)
        .map(plain)
        .collect();
    Some(items?.join(","))
}
