//! What is broken, in which order, and how it is mended.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::crash;
use crate::journal::Journal;
use crate::network::{Direction, Network, PEOPLE};
use crate::random::Random;

/// How long it may take until something is acknowledged again.
const RESUME: Duration = Duration::from_secs(180);
/// All brokers, as `scripts/kafka.sh` numbers them.
const BROKERS: [usize; 3] = [1, 2, 3];

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The first server is killed (kill -9) as soon as everybody is back and sends, or while it starts.
    CrashServer,
    /// A random server is killed (kill -9) and started again at once, every 2 to 5 s.
    KillServer,
    /// A random server is frozen for 0.1 to 60 s, mostly less than 5.
    FreezeServer,
    /// Every server in turn is asked to stop (SIGTERM) and started again.
    RollServers,
    /// A broker is killed for 3 to 8 s.
    KillBroker,
    /// Two brokers are killed for 20 s: nothing can be acknowledged meanwhile.
    KillTwoBrokers,
    /// All brokers are killed for 3 to 8 s.
    KillAllBrokers,
    /// A broker is frozen for 15 s: its leadership is taken from it.
    FreezeBroker,
    /// The only broker is killed for 1 to 3 s.
    KillOnlyBroker,
    /// The only broker is frozen for 1 to 10 s.
    FreezeOnlyBroker,
    /// A server and one or all brokers do not hear each other, or only in one direction, for 0.5 to 20 s.
    CutServer,
    /// A server and some or all people do not hear each other, or only in one direction, for 0.5 to 20 s.
    CutPeople,
    /// A broker and one or both others do not hear each other, or only in one direction, for 2 to 15 s; servers hear all.
    CutBroker,
    /// The cables between a server and all brokers fail and work by turns, ten times in a few seconds.
    FlapServer,
    /// Nothing is broken for 2 s: the run itself is what is tested, and connections that vanish.
    Nothing,
}

/// Where faults happen.
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) network: Option<&'a Network>,
    pub(crate) journal: &'a Journal,
    pub(crate) random: Random,
}

impl Fault {
    /// For how many seconds, at least and at most, nothing is broken before it.
    fn rest(self) -> (u64, u64) {
        match self {
            Self::KillServer => (2, 5),
            Self::KillBroker | Self::KillTwoBrokers | Self::KillAllBrokers | Self::FreezeBroker => {
                (5, 8)
            }
            _ => (1, 2),
        }
    }

    /// Whether it needs a network of its own.
    pub(crate) fn needs_network(self) -> bool {
        matches!(
            self,
            Self::CutServer | Self::CutPeople | Self::CutBroker | Self::FlapServer
        )
    }
}

impl Scene<'_> {
    /// One round of a fault; returns when it is mended and messages are acknowledged again.
    pub(crate) async fn happen(&mut self, fault: Fault) -> io::Result<()> {
        if fault == Fault::CrashServer {
            return crash::happen(self).await;
        }
        self.cluster.check_alive()?;
        let (short, seconds) = (Duration::from_millis, Duration::from_secs);
        let (least, most) = fault.rest();
        sleep(self.random.between(seconds(least), seconds(most))).await;
        let server = self.random.below(self.cluster.servers());
        let broker = *self.random.of(&BROKERS);
        let outage = self.random.between(seconds(3), seconds(8));
        match fault {
            Fault::KillServer => self.kill_server(server).await?,
            Fault::FreezeServer => {
                let pause = self
                    .random
                    .mostly_short(short(100), seconds(5), seconds(60));
                self.freeze_server(server, pause).await?;
            }
            Fault::RollServers => self.roll_servers().await?,
            Fault::KillBroker => self.without("kill", "start", &[broker], outage).await?,
            Fault::KillTwoBrokers => {
                let both: Vec<_> = BROKERS.into_iter().filter(|one| *one != broker).collect();
                self.without("kill", "start", &both, seconds(20)).await?;
            }
            Fault::KillAllBrokers => self.without("kill", "start", &BROKERS, outage).await?,
            Fault::FreezeBroker => {
                self.without("freeze", "thaw", &[broker], seconds(15))
                    .await?;
            }
            Fault::KillOnlyBroker => {
                let pause = self.random.between(seconds(1), seconds(3));
                self.without("kill", "start", &[1], pause).await?;
            }
            Fault::FreezeOnlyBroker => {
                let pause = self.random.between(seconds(1), seconds(10));
                self.without("freeze", "thaw", &[1], pause).await?;
            }
            Fault::CutServer => {
                let all = ["10.77.0.0/29"];
                let one = [format!("broker-{broker}")];
                let whom = if self.random.below(2) == 0 {
                    all[0]
                } else {
                    &one[0]
                };
                self.cut(&format!("server-{server}"), &[whom]).await?;
            }
            Fault::CutPeople => {
                let whom = *self.random.of(&PEOPLE);
                self.cut(&format!("server-{server}"), &[whom]).await?;
            }
            Fault::CutBroker => {
                let others: Vec<_> = BROKERS
                    .into_iter()
                    .filter(|one| *one != broker)
                    .map(|one| format!("broker-{one}"))
                    .collect();
                let others: Vec<_> = others.iter().map(String::as_str).collect();
                let whom = &others[self.random.below(2)..];
                self.cut(&format!("broker-{broker}"), whom).await?;
            }
            Fault::FlapServer => self.flap(&format!("server-{server}")).await?,
            Fault::CrashServer | Fault::Nothing => sleep(seconds(2)).await,
        }
        self.until_acknowledged().await
    }

    async fn kill_server(&mut self, server: usize) -> io::Result<()> {
        self.journal.broke(format!("kill -9 of server {server}"));
        self.cluster.kill(server).await?;
        self.cluster.start(server)
    }

    async fn freeze_server(&mut self, server: usize, pause: Duration) -> io::Result<()> {
        self.journal
            .broke(format!("server {server} frozen for {pause:.1?}"));
        self.cluster.freeze(server).await?;
        sleep(pause).await;
        self.journal.mended(format!("server {server} thawed"));
        self.cluster.thaw(server).await
    }

    async fn roll_servers(&mut self) -> io::Result<()> {
        for server in 0..self.cluster.servers() {
            self.journal.broke(format!("server {server} asked to stop"));
            let status = self.cluster.terminate(server).await?;
            if status.is_some_and(|status| !status.success()) {
                return Err(io::Error::other(format!(
                    "server {server} did not end well: {status:?}"
                )));
            }
            self.cluster.start(server)?;
            self.cluster.until_ready(server).await?;
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Does something to brokers, waits, and mends them all at once.
    async fn without(
        &mut self,
        harm: &str,
        mend: &str,
        brokers: &[usize],
        pause: Duration,
    ) -> io::Result<()> {
        self.journal.broke(format!("{harm} brokers {brokers:?}"));
        let cluster = &self.cluster;
        let all = |action| {
            let one = move |broker| cluster.broker(action, broker);
            join_all(brokers.iter().copied().map(one))
        };
        all(harm).await.into_iter().collect::<io::Result<()>>()?;
        sleep(pause).await;
        self.journal.mended(format!("{mend} brokers {brokers:?}"));
        // A broker that waits for a quorum is ready only when the others are there, too.
        all(mend).await.into_iter().collect()
    }

    async fn cut(&mut self, party: &str, others: &[&str]) -> io::Result<()> {
        let network = self.network.ok_or_else(no_network)?;
        let direction = *self.random.of(&Direction::ALL);
        let pause = self.random.mostly_short(
            Duration::from_millis(500),
            Duration::from_secs(6),
            Duration::from_secs(20),
        );
        self.journal.broke(format!(
            "{party} cut off from {others:?} ({direction:?}) for {pause:.1?}"
        ));
        for other in others {
            network.cut(party, other, direction).await?;
        }
        sleep(pause).await;
        self.journal.mended(format!("{party} mended"));
        network.mend(party).await
    }

    async fn flap(&mut self, party: &str) -> io::Result<()> {
        let network = self.network.ok_or_else(no_network)?;
        self.journal
            .broke(format!("{party} has a loose contact to the brokers"));
        let (least, most) = (Duration::from_millis(50), Duration::from_millis(500));
        for _ in 0..10 {
            network.cut(party, "10.77.0.0/29", Direction::Both).await?;
            sleep(self.random.between(least, most)).await;
            network.mend(party).await?;
            sleep(self.random.between(least, most)).await;
        }
        self.journal.mended(format!("{party} mended"));
        Ok(())
    }

    async fn until_acknowledged(&self) -> io::Result<()> {
        let deadline = Instant::now() + RESUME;
        while !self.journal.acknowledges() {
            if Instant::now() > deadline {
                let sentence = format!("nothing was acknowledged for {RESUME:?} after the repair");
                return Err(io::Error::other(sentence));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn no_network() -> io::Error {
    io::Error::other("this fault needs a network of its own")
}
