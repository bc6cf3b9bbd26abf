//! The servers and brokers that are broken and mended.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::http;
use crate::network::Network;

/// How long a server may take until it serves.
const START: Duration = Duration::from_secs(180);

/// A server's process, running or not.
struct Server {
    address: SocketAddr,
    data: PathBuf,
    process: Option<Child>,
}

impl Server {
    fn complain(&self, number: usize, what: &str) -> io::Error {
        let log = self.data.join("log.txt");
        io::Error::other(format!(
            "server {number} {what}; its log is {}",
            log.display()
        ))
    }
}

/// Servers, and the script that starts and stops brokers.
pub(crate) struct Cluster {
    program: PathBuf,
    settings: Vec<(String, String)>,
    servers: Vec<Server>,
    kafka: PathBuf,
    /// Whether each server has a network of its own.
    apart: bool,
    /// How long crashed servers took until they were ready again.
    pub(crate) starts: Vec<Duration>,
}

impl Cluster {
    /// Servers at these addresses with data in this directory; none of them runs yet.
    pub(crate) fn new(
        program: PathBuf,
        kafka: PathBuf,
        addresses: &[SocketAddr],
        directory: &Path,
        settings: Vec<(String, String)>,
        apart: bool,
    ) -> Self {
        let server = |(number, address): (usize, &SocketAddr)| Server {
            address: *address,
            data: directory.join(format!("server-{number}")),
            process: None,
        };
        Self {
            program,
            settings,
            servers: addresses.iter().enumerate().map(server).collect(),
            kafka,
            apart,
            starts: Vec::new(),
        }
    }

    pub(crate) fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Starts a server that does not run, without waiting for it.
    pub(crate) fn start(&mut self, number: usize) -> io::Result<()> {
        let server = &mut self.servers[number];
        if server.process.is_some() {
            return Ok(());
        }
        std::fs::create_dir_all(&server.data)?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(server.data.join("log.txt"))?;
        let mut command = if self.apart {
            Network::run_server(number, &self.program)
        } else {
            Command::new(&self.program)
        };
        let process = command
            .env("MARU_LISTEN", server.address.to_string())
            .env("MARU_PUBLIC_ORIGINS", format!("http://{}", server.address))
            .env("MARU_DATA", &server.data)
            .env("MARU_LOG", "info")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            // Where the system leaves the core of a crash, if it is told to.
            .current_dir(&server.data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        server.process = Some(process);
        Ok(())
    }

    /// Starts everything that does not run and waits until all serve.
    pub(crate) async fn heal(&mut self) -> io::Result<()> {
        for number in 0..self.servers.len() {
            self.start(number)?;
        }
        for number in 0..self.servers.len() {
            self.until_ready(number).await?;
        }
        Ok(())
    }

    /// Fails if a server has ended by itself.
    pub(crate) fn check_alive(&mut self) -> io::Result<()> {
        for (server, number) in self.servers.iter_mut().zip(0..) {
            let Some(process) = &mut server.process else {
                continue;
            };
            if let Some(status) = process.try_wait()? {
                return Err(server.complain(number, &format!("has ended by itself ({status})")));
            }
        }
        Ok(())
    }

    /// Starts a server without what it has stored: it has to find everything in the log.
    pub(crate) async fn rebuild(&mut self, number: usize) -> io::Result<()> {
        self.terminate(number).await?;
        let data = &self.servers[number].data;
        std::fs::rename(data.join("log.txt"), data.with_extension("txt"))?;
        std::fs::remove_dir_all(data)?;
        self.start(number)?;
        self.until_ready(number).await
    }

    pub(crate) async fn until_ready(&mut self, number: usize) -> io::Result<()> {
        let deadline = Instant::now() + START;
        // Another program's server may answer at the address: then ours has ended.
        while !http::is_ready(self.servers[number].address).await {
            self.check_alive()?;
            if Instant::now() > deadline {
                return Err(self.servers[number].complain(number, "did not become ready"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.check_alive()
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self, number: usize) -> io::Result<()> {
        if let Some(mut process) = self.servers[number].process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM; gives how the server ended.
    pub(crate) async fn terminate(&mut self, number: usize) -> io::Result<Option<ExitStatus>> {
        let Some(mut process) = self.servers[number].process.take() else {
            return Ok(None);
        };
        signal(&process, "TERM").await?;
        process.wait().await.map(Some)
    }

    /// SIGSTOP.
    pub(crate) async fn freeze(&self, number: usize) -> io::Result<()> {
        self.signal(number, "STOP").await
    }

    /// SIGCONT.
    pub(crate) async fn thaw(&self, number: usize) -> io::Result<()> {
        self.signal(number, "CONT").await
    }

    async fn signal(&self, number: usize, name: &str) -> io::Result<()> {
        match &self.servers[number].process {
            Some(process) => signal(process, name).await,
            None => Ok(()),
        }
    }

    /// `scripts/kafka.sh ACTION NODE`: kill, stop, freeze, thaw or start.
    pub(crate) async fn broker(&self, action: &str, node: usize) -> io::Result<()> {
        run(Command::new(&self.kafka).arg(action).arg(node.to_string())).await
    }
}

async fn signal(process: &Child, name: &str) -> io::Result<()> {
    match process.id() {
        Some(pid) => {
            run(Command::new("kill")
                .arg(format!("-{name}"))
                .arg(pid.to_string()))
            .await
        }
        None => Ok(()),
    }
}

/// Runs a program that has to succeed.
pub(crate) async fn run(command: &mut Command) -> io::Result<()> {
    let done = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await?;
    if done.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{:?} failed: {done}",
            command.as_std()
        )))
    }
}
