//! The life of a server: from settings to the open door, and in order back to the closed one.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use app::shell::{Assets, AssetsError};
use leptos::config::LeptosOptions;
use pocket_kafka::PocketKafka;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bridge::{self, Log, LogSettings, Stage};
use crate::chat::{Chat, ChatSettings, Listeners};
use crate::config::{Config, Profile};
use crate::directory::{Directory, DirectoryError};
use crate::embedded;
use crate::keys::{Keys, KeysError};
use crate::people;
use crate::web::door::Door;
use crate::web::socket::limits::Limits;
use crate::web::{self, Service, Web};

/// How long sockets get to say goodbye when the server goes down.
const GOODBYE: Duration = Duration::from_secs(10);

/// How long the log gets to finish when the server is to end at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Why the server cannot run: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DirectoryError),
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; stop the program that uses it, or choose another address with MARU_LISTEN"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The page's files are incomplete.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// The embedded log does not start.
    #[error(transparent)]
    Embedded(#[from] pocket_kafka::StartError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] bridge::StartError),
    /// The system does not tell about signals.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Runs a server until it is told to stop.
pub async fn run(config: Config) -> Result<(), RunError> {
    start_logging(&config.log);
    introduce(config.profile);
    let _data = Directory::open(&config.data).await?;
    let keys = load_keys(&config)?;
    let (assets, hashed_files) = find_assets(&config)?;
    let listen_error = |source| RunError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let mut signals = Signals::new().map_err(RunError::Signals)?;

    let log_settings = match config.profile {
        Profile::Conformance => None,
        Profile::Chat | Profile::Bench => Some(log_settings(&config, &keys).await?),
    };
    let mut incarnation = [0; 4];
    getrandom::fill(&mut incarnation).map_err(RunError::Random)?;
    let (told_stage, stage) = watch::channel(Stage::Connecting);
    let closing = CancellationToken::new();
    let web = Arc::new(Web {
        door: Arc::new(Door::new(
            config.connections,
            config.connections_per_address,
        )),
        keys: Arc::clone(&keys),
        assets,
        hashed_files,
        stage,
        service: OnceLock::new(),
        incarnation: u32::from_be_bytes(incarnation),
        limits: Limits::of(&config),
        farewell: Mutex::new(closing.child_token()),
        closing: closing.clone(),
        sockets: TaskTracker::new(),
        config,
    });
    announce(address);
    let serving = tokio::spawn(web::serve::serve(
        listener,
        web::router(Arc::clone(&web)),
        closing.clone(),
    ));

    let listeners = Arc::new(Listeners::default());
    let log = match log_settings {
        None => {
            web.serve(Service::Conformance(Arc::default()));
            told_stage.send_replace(Stage::Ready);
            None
        }
        Some((settings, embedded)) => {
            let (observer, failures) = (listeners.clone(), listeners.clone());
            let begin = async {
                let log = bridge::start(settings, observer, failures, told_stage).await?;
                let people = Arc::clone(&listeners.people).start(&log).await?;
                Ok::<_, bridge::StartError>((log, people))
            };
            let (log, people) = tokio::select! {
                started = begin => started?,
                _ = signals.next() => {
                    closing.cancel();
                    return Ok(());
                }
            };
            web.serve(Service::Chat(Arc::new(chat(&web, &log, &listeners))));
            Some((log, people, embedded))
        }
    };
    tracing::info!("ready");
    let housekeeping = tokio::spawn(housekeeping(Arc::clone(&web), listeners));

    let signal = signals.next().await;
    tracing::info!(?signal, "going down");
    closing.cancel();
    housekeeping.abort();
    go(signal, &mut signals, &web, serving, finish(log)).await;
    Ok(())
}

/// Warns of profiles that are not for people.
fn introduce(profile: Profile) {
    match profile {
        Profile::Chat => {}
        Profile::Conformance => tracing::warn!(
            "profile conformance: queues in memory for the tests of STOMP clients, and no chat"
        ),
        Profile::Bench => tracing::warn!("profile bench: anybody may send as fast as they can"),
    }
}

/// Goes down as it was told to.
async fn go(
    signal: Signal,
    signals: &mut Signals,
    web: &Web,
    serving: JoinHandle<()>,
    last_words: impl Future<Output = ()>,
) {
    match signal {
        Signal::Terminate => {
            let in_order = async {
                say_goodbye(web, serving).await;
                last_words.await;
            };
            tokio::select! {
                () = in_order => {}
                _ = signals.next() => tracing::warn!("told to stop once more: going at once"),
            }
        }
        // What is not finished by then is what a crash would leave, too: the next start goes on from it.
        Signal::Interrupt => drop(tokio::time::timeout(AT_ONCE, last_words).await),
    }
}

/// Ends the bridge first: what it has produced is still to be taken by the embedded log.
async fn finish(log: Option<(Log, people::Running, Option<PocketKafka>)>) {
    let Some((log, people, embedded)) = log else {
        return;
    };
    people.shutdown().await;
    log.shutdown().await;
    if let Some(embedded) = embedded {
        embedded.shutdown().await;
    }
}

/// Waits until the clients have left and the last requests have been answered.
async fn say_goodbye(web: &Web, serving: JoinHandle<()>) {
    web.sockets.close();
    if tokio::time::timeout(GOODBYE, web.sockets.wait())
        .await
        .is_err()
    {
        tracing::warn!("some clients did not say goodbye in time");
    }
    if serving.await.is_err() {
        tracing::error!("the HTTP server had failed");
    }
}

/// The chat over a log that has been caught up with.
fn chat(web: &Web, log: &Log, listeners: &Arc<Listeners>) -> Chat {
    let (rate_per_second, rate_burst) = match web.config.profile {
        // More than any session can send.
        Profile::Bench => (u32::MAX, u32::MAX),
        Profile::Chat | Profile::Conformance => (web.config.rate_per_second, web.config.rate_burst),
    };
    Chat {
        settings: ChatSettings {
            programs: web.config.programs,
            rate_per_second,
            rate_burst,
        },
        rooms: Arc::clone(&log.rooms),
        listeners: Arc::clone(listeners),
        keys: Arc::clone(&web.keys),
        producer: log.producer.clone(),
    }
}

fn start_logging(filter: &str) {
    tracing_subscriber::fmt()
        // The configuration has checked it.
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

fn load_keys(config: &Config) -> Result<Arc<Keys>, RunError> {
    if config.kafka_brokers.is_some() && config.keys_file.is_none() {
        tracing::warn!(
            "this server signs cookies with a key of its own: servers of one cluster need the same MARU_KEYS_FILE, or people lose their nickname when they reach another server"
        );
    }
    let path = config
        .keys_file
        .clone()
        .unwrap_or_else(|| config.data.join("keys"));
    Ok(Arc::new(Keys::load_or_create(&path)?))
}

/// Release builds have hashed file names and a list of them beside the program; development builds have plain names.
fn find_assets(config: &Config) -> Result<(Assets, bool), RunError> {
    if !config.site.join("pkg").is_dir() {
        tracing::warn!(
            site = %config.site.display(),
            "the page's files are not there, so pages have neither style nor script: put the folder `site` beside the program, or name it with MARU_SITE"
        );
    }
    let program = std::env::current_exe().unwrap_or_default();
    let hashed = config.reload_port.is_none() && program.with_file_name("hash.txt").is_file();
    let mut options = LeptosOptions::builder()
        .output_name("maru")
        .site_pkg_dir("pkg")
        .hash_files(hashed)
        .build();
    if let Some(port) = config.reload_port {
        options.reload_port = u32::from(port);
    }
    Ok((Assets::locate(&options)?, hashed))
}

async fn log_settings(
    config: &Config,
    keys: &Keys,
) -> Result<(LogSettings, Option<PocketKafka>), RunError> {
    let (embedded, brokers, mut properties) = if let Some(brokers) = &config.kafka_brokers {
        (None, brokers.clone(), BTreeMap::new())
    } else {
        let (log, brokers, properties) = embedded::start(config, keys).await?;
        (Some(log), brokers, properties)
    };
    properties.extend(config.kafka_properties.clone());
    let settings = LogSettings {
        brokers,
        properties,
        topic_prefix: config.topic_prefix.clone(),
        partitions: config.partitions,
        client_id: format!("maru-{}", std::process::id()),
        directory: config.data.clone(),
        message_timeout: crate::chat::listeners::PATIENCE,
    };
    Ok((settings, embedded))
}

/// Once a second, tells senders whose time is up that nobody knows, and looks whether clients are still well off here.
async fn housekeeping(web: Arc<Web>, listeners: Arc<Listeners>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        listeners.expire(Instant::now());
        web.send_away_if_not_ready();
    }
}

/// Says where to open Maru, on standard output: the one thing a newcomer looks for.
#[expect(
    clippy::print_stdout,
    reason = "this is what the program says to whoever started it"
)]
fn announce(address: SocketAddr) {
    let here = if address.ip().is_unspecified() {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
    } else {
        address
    };
    println!("Maru is open at http://{here}");
    if let Some(phone) = address
        .ip()
        .is_unspecified()
        .then(network_address)
        .flatten()
    {
        println!(
            "On a phone in the same network: http://{}",
            SocketAddr::new(phone, address.port())
        );
    }
}

/// This machine's address in its network. Nothing is sent: connecting a UDP socket only asks the routing table.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

/// How the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// SIGINT: whoever sits in front of it wants it to end at once.
    Interrupt,
    /// SIGTERM: clients are sent away in order first.
    Terminate,
}

/// Signals are kept from the start on, so that none is missed between two waits.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
        #[cfg(not(unix))]
        {
            // Without a way to hear of it the program is ended by its window.
            let _ = tokio::signal::ctrl_c().await;
            Signal::Interrupt
        }
    }
}
