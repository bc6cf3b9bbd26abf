//! What a run is asked for.

use std::path::PathBuf;

use clap::Parser;

use crate::faults::Fault;

/// Breaks a cluster while people chat, and checks what they saw. Exit code 1: a promise was broken.
#[derive(Parser)]
#[command(args_override_self = true)]
pub(crate) struct Arguments {
    /// What to break; several kinds take turns.
    #[arg(long, value_delimiter = ',', default_value = "kill-server")]
    pub(crate) faults: Vec<Fault>,
    /// How often.
    #[arg(long, default_value_t = 10)]
    pub(crate) rounds: usize,
    /// Rooms.
    #[arg(long, default_value_t = 20)]
    pub(crate) rooms: u32,
    /// People in each room.
    #[arg(long, default_value_t = 10)]
    pub(crate) people: u32,
    /// Messages of all people together in a second.
    #[arg(long, default_value_t = 500)]
    pub(crate) rate: u32,
    /// Servers.
    #[arg(long, default_value_t = 3)]
    pub(crate) servers: u16,
    /// The first server's port; the others take the next ones.
    #[arg(long, default_value_t = 18_080)]
    pub(crate) port: u16,
    /// Kafka brokers; without them there is one server with its embedded log.
    #[arg(long, env = "KAFKA_BROKERS")]
    pub(crate) brokers: Option<String>,
    /// The program.
    #[arg(long, default_value = "target/dist/maru")]
    pub(crate) maru: PathBuf,
    /// The script that breaks and mends brokers.
    #[arg(long, default_value = "scripts/kafka.sh")]
    pub(crate) kafka: PathBuf,
    /// The script that makes and cuts networks (Linux, root): `scripts/chaos/network.sh up` has been run, and the brokers are there.
    #[arg(long)]
    pub(crate) network: Option<PathBuf>,
    /// What else servers are told, as NAME=VALUE of their environment; may be given several times.
    #[arg(long = "set", value_parser = setting)]
    pub(crate) settings: Vec<(String, String)>,
    /// About how often each person's connection vanishes, in seconds; 0 for never.
    #[arg(long, default_value_t = 60)]
    pub(crate) vanish: u64,
    /// Where to leave the history of a run in which nothing was wrong; that of another run is always left.
    #[arg(long)]
    pub(crate) history: Option<PathBuf>,
    /// What the run is called in its table.
    #[arg(long, default_value = "run")]
    pub(crate) name: String,
    /// The table to which the run adds its row.
    #[arg(long)]
    pub(crate) table: Option<PathBuf>,
    /// Repeats the same choices.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// NAME=VALUE.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("give NAME=VALUE".to_owned()),
    }
}
