//! The life of a server: from settings to the open door, and in order back to the closed one.

mod announce;
mod following;
mod signals;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use app::shell::{Assets, AssetsError};
use leptos::config::LeptosOptions;
use pocket_kafka::PocketKafka;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::announce::announce;
use self::following::Following;
use self::signals::{Signal, Signals};
use crate::bridge::{self, LogSettings, Stage};
use crate::config::{Config, Profile};
use crate::directory::{Directory, DirectoryError};
use crate::embedded;
use crate::keys::{Keys, KeysError};
use crate::maintenance;
use crate::metrics::Metrics;
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
        "cannot listen on {address}: {source}; stop the program that uses it, or choose another address with {variable}"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        variable: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// No keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The page's files are incomplete.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// The embedded log is damaged.
    #[error("{0}; `maru verify` tells what is lost, `maru repair` saves the rest")]
    Damaged(pocket_kafka::StartError),
    /// The embedded log does not start.
    #[error(transparent)]
    Embedded(pocket_kafka::StartError),
    /// The log is not whole yet.
    #[error(
        "a repair of the data directory was begun and not finished; run `maru repair --yes` once more"
    )]
    Repairing,
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

impl From<pocket_kafka::StartError> for RunError {
    fn from(error: pocket_kafka::StartError) -> Self {
        match error {
            pocket_kafka::StartError::Damaged { .. } => Self::Damaged(error),
            _ => Self::Embedded(error),
        }
    }
}

/// Runs a server until it is told to stop.
pub async fn run(config: Config) -> Result<(), RunError> {
    start_logging(&config.log);
    introduce(config.profile);
    let _data = hold(&config).await?;
    let keys = load_keys(&config)?;
    let (assets, hashed_files) = find_assets(&config)?;
    let (listener, address) = listen(config.listen, "MARU_LISTEN").await?;
    let admin = match config.admin_listen {
        Some(address) => Some(listen(address, "MARU_ADMIN_LISTEN").await?),
        None => None,
    };
    let mut signals = Signals::new().map_err(RunError::Signals)?;

    let log_settings = match config.profile {
        Profile::Conformance => None,
        Profile::Chat | Profile::Bench => Some(log_settings(&config, &keys).await?),
    };
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
        service: RwLock::default(),
        incarnation: incarnation()?,
        limits: Limits::of(&config),
        farewell: RwLock::default(),
        closing: closing.clone(),
        sockets: TaskTracker::new(),
        metrics: Arc::new(Metrics::new()),
        config,
    });
    announce(address, admin.as_ref().map(|(_, address)| *address));
    let router = web::router(Arc::clone(&web));
    let serving = tokio::spawn(web::serve::serve(listener, router, closing));
    if let Some((listener, _)) = admin {
        answer_operators(listener, &web);
    }
    let housekeeping = tokio::spawn(housekeeping(Arc::clone(&web)));

    let (mut following, embedded) = match log_settings {
        None => {
            web.serve(Service::Conformance(Arc::default()));
            told_stage.send_replace(Stage::Ready);
            tracing::info!("ready");
            (None, None)
        }
        Some((settings, embedded)) => {
            let health = embedded.as_ref().map(PocketKafka::health);
            let web = Arc::clone(&web);
            (
                Some(Following::new(settings, health, web, told_stage)),
                embedded,
            )
        }
    };
    let signal = tokio::select! {
        signal = signals.next() => signal,
        error = follow(following.as_mut()) => return Err(error.into()),
    };
    tracing::info!(?signal, "going down");
    web.close();
    housekeeping.abort();
    let last_words = async {
        // The bridge first: what it has produced is still to be taken by the embedded log.
        if let Some(following) = following {
            following.finish().await;
        }
        if let Some(embedded) = embedded {
            embedded.shutdown().await;
        }
    };
    go(signal, &mut signals, &web, serving, last_words).await;
    Ok(())
}

/// Operators are answered to the end.
fn answer_operators(listener: TcpListener, web: &Arc<Web>) {
    let router = web::admin::router(Arc::clone(web));
    tokio::spawn(web::serve::serve(
        listener,
        router,
        CancellationToken::new(),
    ));
}

/// Tells this run of the server from every other.
fn incarnation() -> Result<u32, RunError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(RunError::Random)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Follows the log, where there is one, until that is not possible any more.
async fn follow(following: Option<&mut Following>) -> bridge::StartError {
    match following {
        Some(following) => following.run().await,
        None => std::future::pending().await,
    }
}

/// Listens on an address; gives the one that it came to be where the port was 0.
async fn listen(
    address: SocketAddr,
    variable: &'static str,
) -> Result<(TcpListener, SocketAddr), RunError> {
    let listen_error = |source| RunError::Listen {
        address,
        variable,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    Ok((listener, address))
}

/// Takes the data directory, unless it is not whole yet.
async fn hold(config: &Config) -> Result<Directory, RunError> {
    let data = Directory::open(&config.data).await?;
    if maintenance::is_unfinished(&config.data) {
        return Err(RunError::Repairing);
    }
    Ok(data)
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

fn start_logging(filter: &str) {
    tracing_subscriber::fmt()
        // The configuration has checked it.
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

pub(crate) fn load_keys(config: &Config) -> Result<Arc<Keys>, RunError> {
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

pub(crate) async fn log_settings(
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
        alone: embedded.is_some(),
        message_timeout: crate::chat::listeners::PATIENCE,
    };
    Ok((settings, embedded))
}

/// Once a second does what has to be done then.
async fn housekeeping(web: Arc<Web>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        web.tend(Instant::now());
    }
}
