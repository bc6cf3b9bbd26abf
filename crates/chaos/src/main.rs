//! Breaks a cluster of Maru servers and Kafka brokers while people chat, and checks what they saw (issue 6).
//!
//! # Layout
//!
//! - `person`: somebody who chats, over `wire`
//! - `journal`: the history of the run
//! - `cluster`: the processes that are broken, `faults`: how, and `crash`: one server again and again
//! - `http`: readiness, and the final reading of the rooms

mod cluster;
mod crash;
mod faults;
mod http;
mod journal;
mod person;
mod random;
mod wire;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use checker::{Client, Reader, Report, Room, What};
use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use cluster::Cluster;
use faults::Fault;
use journal::Journal;
use person::{Company, Person};
use random::Random;

/// How long the cluster gets, after everything was mended, until all messages are answered and delivered.
const CALM: Duration = Duration::from_secs(120);
/// Deliveries count as finished when none came for so long.
const QUIET: Duration = Duration::from_secs(3);

/// Breaks a cluster while people chat, and checks what they saw. Exit code 1: a promise was broken.
#[derive(Parser)]
struct Arguments {
    /// What to break; several kinds take turns.
    #[arg(long, value_delimiter = ',', default_value = "kill-server")]
    faults: Vec<Fault>,
    /// How often.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Rooms.
    #[arg(long, default_value_t = 20)]
    rooms: u32,
    /// People in each room.
    #[arg(long, default_value_t = 10)]
    people: u32,
    /// Messages of all people together in a second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Servers.
    #[arg(long, default_value_t = 3)]
    servers: u16,
    /// The first server's port; the others take the next ones.
    #[arg(long, default_value_t = 18_080)]
    port: u16,
    /// Kafka brokers; without them there is one server with its embedded log.
    #[arg(long, env = "KAFKA_BROKERS")]
    brokers: Option<String>,
    /// The program.
    #[arg(long, default_value = "target/dist/maru")]
    maru: PathBuf,
    /// The script that breaks and mends brokers.
    #[arg(long, default_value = "scripts/kafka.sh")]
    kafka: PathBuf,
    /// About how often each person's connection vanishes, in seconds; 0 for never.
    #[arg(long, default_value_t = 60)]
    vanish: u64,
    /// Where to leave the history.
    #[arg(long)]
    history: Option<PathBuf>,
    /// Repeats the same choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error),
    };
    match runtime.block_on(run(&arguments)) {
        Ok(report) => {
            say(&report.to_string());
            ExitCode::from(u8::from(!report.is_clean()))
        }
        Err(error) => complain(&error),
    }
}

async fn run(arguments: &Arguments) -> io::Result<Report> {
    let directory = tempfile::Builder::new().prefix("maru-chaos").tempdir()?;
    let mut random = Random::new(arguments.seed);
    let (mut cluster, servers) = cluster(arguments, &directory)?;
    say("Starting the servers");
    cluster.heal().await?;

    let people = arguments.rooms * arguments.people;
    let company = Arc::new(Company {
        servers: servers.clone(),
        journal: Journal::new(),
        open: AtomicUsize::new(0),
        silence: CancellationToken::new(),
        end: CancellationToken::new(),
        every: Duration::from_secs(1) * people / arguments.rate.max(1),
        vanish_every: (arguments.vanish > 0).then(|| Duration::from_secs(arguments.vanish)),
    });
    let mut everybody = JoinSet::new();
    for number in 0..people {
        let room = Room(number % arguments.rooms);
        let seed = arguments.seed.wrapping_mul(1_000_003) + u64::from(number);
        everybody.spawn(Person::new(Arc::clone(&company), Client(number), room, seed).live());
    }
    let telling = tokio::spawn(tell(Arc::clone(&company)));
    for round in 0..arguments.rounds {
        let fault = arguments.faults[round % arguments.faults.len()];
        fault
            .happen(&mut cluster, &company.journal, &mut random)
            .await?;
    }
    company.silence.cancel();
    cluster.heal().await?;
    say("Everything is mended; waiting for the last answers");
    calm_down(&company).await?;
    company.journal.record(What::Quiet);
    read_rooms(&company, &servers, arguments.rooms).await?;
    telling.abort();
    company.end.cancel();
    while everybody.join_next().await.is_some() {}

    let history = company.journal.take();
    if let Some(path) = &arguments.history {
        checker::history::write(&history, BufWriter::new(File::create(path)?))?;
    }
    tell_returns(&company.journal);
    tell_starts(&cluster);
    Ok(checker::check(&history))
}

fn cluster(
    arguments: &Arguments,
    directory: &tempfile::TempDir,
) -> io::Result<(Cluster, Vec<SocketAddr>)> {
    let count = if arguments.brokers.is_some() {
        arguments.servers
    } else {
        1
    };
    let address = |number| SocketAddr::from(([127, 0, 0, 1], arguments.port + number));
    let servers: Vec<_> = (0..count).map(address).collect();
    let keys = directory.path().join("keys");
    let mut settings = vec![("MARU_KEYS_FILE", keys.display().to_string())];
    if let Some(brokers) = &arguments.brokers {
        settings.push(("KAFKA_BROKERS", brokers.clone()));
        // Topics of this run's own.
        let name = directory.path().file_name().unwrap_or_default();
        settings.push(("MARU_TOPIC_PREFIX", name.to_string_lossy().into_owned()));
    }
    let (program, kafka) = (
        arguments.maru.canonicalize()?,
        arguments.kafka.canonicalize()?,
    );
    let cluster = Cluster::new(program, kafka, &servers, directory.path(), settings);
    Ok((cluster, servers))
}

/// Waits until every message was answered for good, everybody is there and nothing is delivered any more.
async fn calm_down(company: &Company) -> io::Result<()> {
    let deadline = Instant::now() + CALM;
    let mut delivered = 0;
    let mut quiet_since = Instant::now();
    loop {
        sleep(Duration::from_millis(200)).await;
        let (open, away) = (company.open.load(Ordering::Relaxed), company.journal.away());
        let now_delivered = company.journal.progress().delivered;
        if now_delivered != delivered || open > 0 || away > 0 {
            delivered = now_delivered;
            quiet_since = Instant::now();
        }
        if quiet_since.elapsed() >= QUIET {
            return Ok(());
        }
        if Instant::now() > deadline {
            let sentence = format!(
                "after {CALM:?} {open} messages are not answered and {away} people are not back"
            );
            return Err(io::Error::other(sentence));
        }
    }
}

/// Two readers, at two servers where there are two, read every room.
async fn read_rooms(company: &Company, servers: &[SocketAddr], rooms: u32) -> io::Result<()> {
    for room in (0..rooms).map(Room) {
        for (reader, server) in [(Reader(1), servers.first()), (Reader(2), servers.last())] {
            let Some(server) = server else { continue };
            let entries = http::whole_room(*server, room).await?;
            company.journal.record(What::Final {
                reader,
                room,
                entries,
            });
        }
    }
    Ok(())
}

/// Says every few seconds how far the run is.
async fn tell(company: Arc<Company>) {
    loop {
        sleep(Duration::from_secs(10)).await;
        let open = company.open.load(Ordering::Relaxed);
        let away = company.journal.away();
        say(&format!(
            "{}; {open} unanswered, {away} people away",
            company.journal.progress()
        ));
    }
}

fn tell_returns(journal: &Journal) {
    let returns = journal.returns();
    say(&format!(
        "people came back {} times: {}",
        returns.len(),
        spread(&returns)
    ));
}

/// How long a crashed server took until it was ready again, if one was crashed.
fn tell_starts(cluster: &Cluster) {
    let mut starts = cluster.starts.clone();
    starts.sort_unstable();
    if !starts.is_empty() {
        say(&format!(
            "ready again after {} crashes: {}",
            starts.len(),
            spread(&starts)
        ));
    }
}

/// The middle, the slowest hundredth and the end of sorted times.
fn spread(times: &[Duration]) -> String {
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default()
    };
    format!(
        "p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        at(50),
        at(99),
        at(100)
    )
}

/// Says something to whoever watches. A closed terminal does not end a run.
fn say(sentence: &str) {
    let _ = writeln!(io::stdout(), "{sentence}");
}

fn complain(error: &io::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::from(2)
}
