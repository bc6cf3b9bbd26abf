//! One server that crashes again and again while people send: the fault that the embedded log has to stand (issue 6).

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::faults::Scene;
use crate::journal::Journal;

/// The one that crashes.
const SERVER: usize = 0;
/// How long everybody gets to come back.
const COMPANY: Duration = Duration::from_secs(30);
/// Longest time of sending between everybody's return and the next crash.
const SENDING: Duration = Duration::from_millis(300);
/// One crash in so many hits a server that is still starting.
const EARLY: usize = 10;
/// About how long a start takes.
const STARTING: Duration = Duration::from_millis(700);

/// One crash, and the start after it.
pub(crate) async fn happen(scene: &mut Scene<'_>) -> io::Result<()> {
    let Scene {
        cluster,
        journal,
        random,
        ..
    } = scene;
    everybody_is_back(journal).await?;
    sleep(random.between(Duration::ZERO, SENDING)).await;
    kill(cluster, journal).await?;
    if random.below(EARLY) == 0 {
        cluster.start(SERVER)?;
        sleep(random.between(Duration::ZERO, STARTING)).await;
        kill(cluster, journal).await?;
    }
    let begun = Instant::now();
    cluster.start(SERVER)?;
    cluster.until_ready(SERVER).await?;
    cluster.starts.push(begun.elapsed());
    Ok(())
}

async fn kill(cluster: &mut Cluster, journal: &Journal) -> io::Result<()> {
    journal.broke(format!("kill -9 of server {SERVER}"));
    cluster.kill(SERVER).await
}

/// A crash among people who have not come back yet would test less and less.
async fn everybody_is_back(journal: &Journal) -> io::Result<()> {
    let deadline = Instant::now() + COMPANY;
    while journal.away() > 0 {
        if Instant::now() > deadline {
            let sentence = format!("{} people did not come back", journal.away());
            return Err(io::Error::other(sentence));
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
