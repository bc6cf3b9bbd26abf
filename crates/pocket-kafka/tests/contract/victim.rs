//! Logs that can be killed: pocket-kafka in a process of its own, and the Apache Kafka that `scripts/kafka.sh` has started.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::RwLockWriteGuard,
};

use rdkafka::ClientConfig;
use tempfile::TempDir;

use crate::target::{Pocket, apache_alone, apache_bootstrap, apache_config, config_for, settings};

const DIRECTORY: &str = "POCKET_KAFKA_TEST_DIRECTORY";
const LISTEN: &str = "POCKET_KAFKA_TEST_LISTEN";
const READY: &str = "pocket-kafka listens on ";

pub(crate) enum Victim {
    Pocket(Server),
    Apache(String),
}

/// A pocket-kafka in a process of its own.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Victim {
    pub(crate) fn pocket_kafka() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (process, address) = serve_in(directory.path(), SocketAddr::from(([127, 0, 0, 1], 0)));
        Self::Pocket(Server {
            process,
            address,
            directory,
        })
    }

    /// The Apache Kafka under test, if `KAFKA_NAME` says which of `scripts/kafka.sh` it is; nobody else uses it meanwhile.
    pub(crate) fn apache_kafka() -> Option<(Self, RwLockWriteGuard<'static, ()>)> {
        let bootstrap = apache_bootstrap()?;
        std::env::var_os("KAFKA_NAME")?;
        Some((Self::Apache(bootstrap), apache_alone()))
    }

    pub(crate) fn config(&self) -> ClientConfig {
        match self {
            Self::Pocket(server) => config_for(server.address),
            Self::Apache(bootstrap) => apache_config(bootstrap),
        }
    }

    pub(crate) fn kill(&mut self) {
        match self {
            Self::Pocket(server) => {
                server.process.kill().unwrap();
                server.process.wait().unwrap();
            }
            Self::Apache(_) => kafka("kill"),
        }
    }

    pub(crate) fn start_again(&mut self) {
        match self {
            Self::Pocket(server) => {
                (server.process, _) = serve_in(server.directory.path(), server.address);
            }
            Self::Apache(_) => kafka("start"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Runs `scripts/kafka.sh`; it knows the cluster by `KAFKA_NAME` and `KAFKA_PORT` of the environment.
fn kafka(command: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka.sh");
    let done = Command::new(script).arg(command).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// This program run again, as a server.
fn serve_in(directory: &Path, listen: SocketAddr) -> (Child, SocketAddr) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "victim::serve", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(LISTEN, listen.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.strip_prefix(READY)?.parse().unwrap()));
    (process, address.expect("the server did not start"))
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "the server process of another test"]
fn serve() {
    let (Ok(directory), Ok(listen)) = (std::env::var(DIRECTORY), std::env::var(LISTEN)) else {
        return;
    };
    let mut settings = settings(Path::new(&directory));
    settings.listen = listen.parse().unwrap();
    let pocket = Pocket::start(settings);
    println!("\n{READY}{}", pocket.address());
    // Ends with the process that started it, whatever becomes of that.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}
