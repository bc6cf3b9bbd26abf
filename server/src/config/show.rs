//! `maru config`: what is in force and where it comes from, as a TOML file that says the same.

use std::fmt;

use super::Given;
use super::properties::may_be_shown;
use super::sources::Value;

/// Where the sources are written, in characters from the left, where the value leaves room.
const COLUMN: usize = 40;

impl fmt::Display for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "# What is in force, and where each value comes from. \"\" means none; secrets are left out."
        )?;
        if let Some(file) = &self.file {
            writeln!(
                formatter,
                "# Configuration file: {:?} ({})",
                file.text, file.source
            )?;
        }
        for (setting, value) in self.values() {
            let line = format!("{} = {}", setting.key, toml_value(&value.text));
            write_line(formatter, &line, &value)?;
        }
        if !self.properties.is_empty() {
            writeln!(formatter, "\n[kafka]")?;
        }
        for (name, value) in &self.properties {
            let line = if may_be_shown(name, &value.text) {
                format!("\"{name}\" = {}", toml_value(&value.text))
            } else {
                format!("# {name:?} is left out")
            };
            write_line(formatter, &line, value)?;
        }
        Ok(())
    }
}

fn write_line(formatter: &mut fmt::Formatter<'_>, line: &str, value: &Value) -> fmt::Result {
    writeln!(formatter, "{line:COLUMN$}  # {}", value.source)
}

/// A text as TOML writes it: numbers and switches bare, if nothing of the text is lost.
fn toml_value(text: &str) -> String {
    let number = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    if number || matches!(text, "true" | "false") {
        text.to_owned()
    } else {
        toml::Value::from(text).to_string()
    }
}
