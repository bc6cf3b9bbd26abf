//! What is broken, in which order, and how it is mended.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::crash;
use crate::journal::Journal;
use crate::random::Random;

/// Brokers in the cluster.
const BROKERS: usize = 3;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The first server is killed (kill -9) as soon as everybody is back and sends, or while it starts.
    CrashServer,
    /// A random server is killed (kill -9) and started again at once, every 2 to 5 s.
    KillServer,
    /// A random server is frozen for 0.1 to 10 s.
    FreezeServer,
    /// Every server in turn is asked to stop and started again.
    RollServers,
    /// A broker is killed for 3 to 8 s.
    KillBroker,
    /// Two brokers are killed for 20 s: nothing can be acknowledged meanwhile.
    KillTwoBrokers,
    /// All brokers are killed and started again.
    KillAllBrokers,
    /// A broker is frozen for 15 s: its leadership is taken from it.
    FreezeBroker,
    /// Nothing is broken for 2 s: the run itself is what is tested.
    Nothing,
}

impl Fault {
    /// One round of it.
    pub(crate) async fn happen(
        self,
        cluster: &mut Cluster,
        journal: &Journal,
        random: &mut Random,
    ) -> io::Result<()> {
        let seconds = Duration::from_secs;
        let server = random.below(cluster.servers());
        let broker = 1 + random.below(BROKERS);
        match self {
            Self::CrashServer => crash::happen(cluster, journal, random).await,
            Self::KillServer => {
                sleep(random.between(seconds(2), seconds(5))).await;
                journal.fault(format!("kill -9 of server {server}"));
                cluster.kill(server).await?;
                cluster.start(server)
            }
            Self::FreezeServer => {
                sleep(random.between(seconds(1), seconds(3))).await;
                journal.fault(format!("server {server} frozen"));
                cluster.freeze(server).await?;
                sleep(random.between(Duration::from_millis(100), seconds(10))).await;
                journal.fault(format!("server {server} thawed"));
                cluster.thaw(server).await
            }
            Self::RollServers => {
                for server in 0..cluster.servers() {
                    journal.fault(format!("server {server} asked to stop"));
                    let status = cluster.terminate(server).await?;
                    if status.is_some_and(|status| !status.success()) {
                        return Err(io::Error::other(format!(
                            "server {server} did not end well: {status:?}"
                        )));
                    }
                    cluster.start(server)?;
                    cluster.until_ready(server).await?;
                    sleep(seconds(1)).await;
                }
                Ok(())
            }
            Self::KillBroker => {
                let pause = random.between(seconds(3), seconds(8));
                let result = without(cluster, journal, "kill", "start", &[broker], pause).await;
                sleep(seconds(5)).await;
                result
            }
            Self::KillTwoBrokers => {
                let other = 1 + broker % BROKERS;
                without(
                    cluster,
                    journal,
                    "kill",
                    "start",
                    &[broker, other],
                    seconds(20),
                )
                .await?;
                sleep(seconds(5)).await;
                Ok(())
            }
            Self::KillAllBrokers => {
                let pause = random.between(seconds(3), seconds(8));
                without(cluster, journal, "kill", "start", &[1, 2, 3], pause).await?;
                sleep(seconds(5)).await;
                Ok(())
            }
            Self::FreezeBroker => {
                without(cluster, journal, "freeze", "thaw", &[broker], seconds(15)).await?;
                sleep(seconds(5)).await;
                Ok(())
            }
            Self::Nothing => {
                sleep(seconds(2)).await;
                Ok(())
            }
        }
    }
}

/// Does something to brokers, waits, and mends them all at once.
async fn without(
    cluster: &Cluster,
    journal: &Journal,
    harm: &str,
    mend: &str,
    brokers: &[usize],
    pause: Duration,
) -> io::Result<()> {
    for broker in brokers {
        journal.fault(format!("{harm} broker {broker}"));
        cluster.broker(harm, *broker).await?;
    }
    sleep(pause).await;
    // A broker that waits for a quorum is ready only when the others are there, too.
    let mending = brokers.iter().map(|broker| cluster.broker(mend, *broker));
    let mended = futures_util::future::join_all(mending).await;
    journal.fault(format!("{mend} brokers {brokers:?}"));
    mended.into_iter().collect()
}
