//! Breaks a cluster of Maru servers and Kafka brokers while people chat, and checks what they saw (issue 6).
//!
//! # Layout
//!
//! - `arguments`: what is asked for
//! - `person`: somebody who chats, over `wire`
//! - `journal`: the history of the run
//! - `cluster`: the processes that are broken, `network`: the cables between them, `faults`: how,
//!   and `crash`: one server again and again
//! - `http`: readiness, and the final reading of the rooms; `log`: what lies in Kafka
//! - `row`: what came of it

mod arguments;
mod cluster;
mod crash;
mod faults;
mod http;
mod journal;
mod log;
mod network;
mod person;
mod random;
mod row;
mod wire;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use checker::{Client, Reader, Report, Room, What};
use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use arguments::Arguments;
use cluster::Cluster;
use faults::{Fault, Scene};
use journal::Journal;
use network::Network;
use person::{Company, Person};
use random::Random;
use row::{Row, percentile};

/// How long the cluster gets, after everything was mended, until all messages are answered and delivered.
const CALM: Duration = Duration::from_secs(300);
/// Deliveries count as finished when none came for so long.
const QUIET: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result =
        tokio::runtime::Runtime::new().and_then(|runtime| runtime.block_on(run(arguments)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no promise was broken. Whatever a run that was not clean has left behind is kept.
async fn run(mut arguments: Arguments) -> io::Result<bool> {
    if arguments.network.is_none() {
        let (skipped, left) = arguments
            .faults
            .iter()
            .partition(|fault| fault.needs_network());
        arguments.faults = left;
        let skipped: Vec<Fault> = skipped;
        if !skipped.is_empty() {
            say(&format!(
                "SKIPPED: {skipped:?}, which need network namespaces (Linux, root): --network"
            ));
        }
    }
    let directory = tempfile::Builder::new().prefix("maru-chaos").tempdir()?;
    let name = directory.path().file_name().unwrap_or_default();
    let prefix = name.to_string_lossy().into_owned();
    let outcome = tokio::select! {
        outcome = chat(&arguments, directory.path(), &prefix) => outcome,
        // What was started is dropped, and ends with that.
        () = interrupted() => return Err(io::Error::other("the run was interrupted")),
    };
    if !matches!(outcome, Ok(true)) {
        let kept = directory.keep();
        say(&format!(
            "The servers' logs and the history are in {}",
            kept.display()
        ));
    }
    outcome
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
}

async fn chat(arguments: &Arguments, directory: &Path, prefix: &str) -> io::Result<bool> {
    let (mut cluster, servers) = cluster(arguments, directory, prefix)?;
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
        let from = match arguments.network {
            Some(_) => Network::person_address(number),
            None => Ipv4Addr::LOCALHOST.into(),
        };
        let seed = arguments.seed.wrapping_mul(1_000_003) + u64::from(number);
        let person = Person::new(Arc::clone(&company), Client(number), room, from, seed);
        everybody.spawn(person.live());
    }
    let telling = tokio::spawn(tell(Arc::clone(&company)));
    let outcome = break_and_read(arguments, &mut cluster, &company, &servers).await;
    telling.abort();
    company.end.cancel();
    while everybody.join_next().await.is_some() {}
    if outcome.is_ok() && arguments.brokers.is_some() {
        say("Letting a server find everything in the log again");
        cluster.rebuild(0).await?;
        read_rooms(&company, &[(Reader(3), servers[0])], arguments.rooms).await?;
    }

    let waits = company.journal.waits();
    let history = company.journal.take();
    let report = outcome.map(|()| checker::check(&history));
    let clean = report.as_ref().is_ok_and(Report::is_clean);
    let unclean = (!clean).then(|| directory.join("history.jsonl"));
    for path in unclean.iter().chain(&arguments.history) {
        checker::history::write(&history, BufWriter::new(File::create(path)?))?;
    }
    let report = report?;
    say(&report.to_string());
    let log = match &arguments.brokers {
        Some(brokers) => {
            let (brokers, topic) = (brokers.clone(), format!("{prefix}.messages"));
            Some(tokio::task::spawn_blocking(move || log::read(&brokers, &topic)).await??)
        }
        None => None,
    };
    let row = Row {
        name: &arguments.name,
        report: &report,
        sent: company.journal.sent(),
        waits,
        log,
    };
    say(&row.add_to(arguments.table.as_deref())?);
    tell_starts(&cluster);
    Ok(clean)
}

/// The run itself, up to the final reading.
async fn break_and_read(
    arguments: &Arguments,
    cluster: &mut Cluster,
    company: &Company,
    servers: &[SocketAddr],
) -> io::Result<()> {
    let network = arguments.network.clone().map(Network::new);
    let mut scene = Scene {
        cluster,
        network: network.as_ref(),
        journal: &company.journal,
        random: Random::new(arguments.seed),
    };
    for round in 0..arguments.rounds {
        let Some(fault) = arguments.faults.get(round % arguments.faults.len().max(1)) else {
            break;
        };
        scene.happen(*fault).await?;
    }
    company.silence.cancel();
    cluster.heal().await?;
    say("Everything is mended; waiting for the last answers");
    calm_down(company).await?;
    company.journal.record(What::Quiet);
    let first = servers.first().map(|server| (Reader(1), *server));
    let last = servers.last().map(|server| (Reader(2), *server));
    let readers: Vec<_> = first.into_iter().chain(last).collect();
    read_rooms(company, &readers, arguments.rooms).await
}

fn cluster(
    arguments: &Arguments,
    directory: &Path,
    prefix: &str,
) -> io::Result<(Cluster, Vec<SocketAddr>)> {
    let count = if arguments.brokers.is_some() {
        arguments.servers
    } else {
        1
    };
    let address = |number| match arguments.network {
        Some(_) => SocketAddr::new(Network::server_address(number), arguments.port),
        None => SocketAddr::from(([127, 0, 0, 1], arguments.port + number)),
    };
    let servers: Vec<_> = (0..count).map(address).collect();
    let keys = directory.join("keys").display().to_string();
    let mut settings = vec![("MARU_KEYS_FILE".to_owned(), keys)];
    if let Some(brokers) = &arguments.brokers {
        settings.push(("KAFKA_BROKERS".to_owned(), brokers.clone()));
        // Topics of this run's own.
        settings.push(("MARU_TOPIC_PREFIX".to_owned(), prefix.to_owned()));
    }
    settings.extend(arguments.settings.iter().cloned());
    let (program, kafka) = (
        arguments.maru.canonicalize()?,
        arguments.kafka.canonicalize()?,
    );
    let apart = arguments.network.is_some();
    let cluster = Cluster::new(program, kafka, &servers, directory, settings, apart);
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

/// Reads every room from its first to its last message.
async fn read_rooms(
    company: &Company,
    readers: &[(Reader, SocketAddr)],
    rooms: u32,
) -> io::Result<()> {
    for room in (0..rooms).map(Room) {
        for &(reader, server) in readers {
            let entries = http::whole_room(server, room).await?;
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

/// How long a crashed server took until it was ready again, if one was crashed.
fn tell_starts(cluster: &Cluster) {
    let mut starts = cluster.starts.clone();
    starts.sort_unstable();
    if !starts.is_empty() {
        say(&format!(
            "ready again after {} crashes: p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
            starts.len(),
            percentile(&starts, 50),
            percentile(&starts, 99),
            percentile(&starts, 100),
        ));
    }
}

/// Says something to whoever watches. A closed terminal does not end a run.
fn say(sentence: &str) {
    let _ = writeln!(io::stdout(), "{sentence}");
}
