//! The command line: its help, and what it gives.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches};

use super::settings::{KAFKA_PROPERTY, Setting, all};
use super::sources::{Source, Value};
use crate::version;

/// The argument that lets `maru repair` change something.
const YES: &str = "yes";

/// What the program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Run,
    /// Show the configuration.
    Config,
    /// Ask the server that is running whether it is ready.
    Healthcheck,
    /// Mend log and history of a server that is stopped, or only say how.
    Repair {
        /// Whether to do it.
        yes: bool,
    },
    /// Check log and history of a server that is stopped.
    Verify,
}

/// A command line that has been read. Not `Debug`: properties may hold passwords.
pub struct Arguments {
    /// What to do.
    pub command: Command,
    values: BTreeMap<&'static str, String>,
    /// librdkafka's properties, in lists separated by `;`.
    pub(super) kafka_properties: Vec<String>,
}

impl Arguments {
    /// Those that this program was started with. Ends the program where they ask for help or cannot be read.
    pub fn of_this_program() -> Self {
        Self::from_matches(command_line().get_matches())
    }

    /// A command line as a test writes it.
    #[cfg(test)]
    pub(crate) fn from_words(words: &[&str]) -> Result<Self, clap::Error> {
        let words = ["maru"].iter().chain(words);
        Ok(Self::from_matches(
            command_line().try_get_matches_from(words)?,
        ))
    }

    fn from_matches(mut matches: ArgMatches) -> Self {
        let mut command = Command::Run;
        // Settings may be before and after the name of what to do; clap hands them down.
        if let Some((name, mut below)) = matches.remove_subcommand() {
            command = match name.as_str() {
                "config" => Command::Config,
                "repair" => Command::Repair {
                    yes: below.remove_one(YES).unwrap_or_default(),
                },
                "verify" => Command::Verify,
                _ => Command::Healthcheck,
            };
            matches = below;
        }
        let kafka_properties = matches
            .remove_many(KAFKA_PROPERTY.key)
            .map(Iterator::collect)
            .unwrap_or_default();
        let values = all()
            .filter(|setting| setting.key != KAFKA_PROPERTY.key)
            .filter_map(|setting| Some((setting.key, matches.remove_one(setting.key)?)))
            .collect();
        Self {
            command,
            values,
            kafka_properties,
        }
    }

    /// What an argument says of a setting.
    pub(super) fn value(&self, setting: &Setting) -> Option<Value> {
        Some(Value {
            text: self.values.get(setting.key)?.clone(),
            source: Source::Argument,
        })
    }
}

fn command_line() -> clap::Command {
    clap::Command::new("maru")
        .version(version::short())
        .long_version(version::long())
        .about("Self-hosted, highly available, real-time chat. Without a command, runs the server.")
        .after_help(
            "Every setting can be given as an argument, as an environment variable, or under its name in a TOML file that \
             --config names. Arguments win over variables, those over the file, that over the defaults.",
        )
        .subcommand(clap::Command::new("config").about(
            "Show the settings in force and where each comes from, as a TOML file; secrets are left out",
        ))
        .subcommand(clap::Command::new("healthcheck").about(
            "Ask the server that these settings describe whether it is ready: exit code 0 if it is, 1 if not",
        ))
        .subcommand(
            clap::Command::new("repair")
                .about(
                    "Say what is damaged in the data directory and how it would be mended; with --yes, mend it. The server has to be stopped",
                )
                .arg(
                    Arg::new(YES)
                        .long(YES)
                        .help("Mend it; the damaged originals are kept aside")
                        .action(ArgAction::SetTrue),
                ),
        )
        .subcommand(clap::Command::new("verify").about(
            "Read everything in the data directory, every row against its checksum and the history against the log: exit code 0 if all is whole, 1 if not. The server has to be stopped",
        ))
        .args(all().map(argument))
}

fn argument(setting: &'static Setting) -> Arg {
    let action = if setting.key == KAFKA_PROPERTY.key {
        ArgAction::Append
    } else {
        ArgAction::Set
    };
    let help = format!(
        "{}\n[env: {}] [default: {}] [allowed: {}]",
        setting.meaning,
        setting.variable,
        setting.default_in_words(),
        setting.allowed,
    );
    Arg::new(setting.key)
        .long(setting.argument())
        .value_name(setting.placeholder)
        .help(help)
        .help_heading("Settings")
        .action(action)
        .allow_negative_numbers(true)
        .global(true)
}
