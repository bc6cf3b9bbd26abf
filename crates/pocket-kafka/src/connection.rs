//! One client: first it authenticates, then requests are read and answered in order.
//!
//! Produce requests are queued for the commit thread as they are read, so that those in flight share a commit; everything else is carried out
//! when its turn to be answered has come. A parked Fetch therefore delays later answers of its connection, as in Kafka, but not later batches.

use std::{sync::Arc, time::Duration};

use kafka_protocol::messages::ApiKey;
use tokio::{
    io::BufReader,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::timeout,
};

use crate::{
    broker::Broker,
    frame::{self, Closed, Request},
    request::{self, produce},
    sasl,
};

/// How long a new connection may take to authenticate.
const AUTHENTICATION: Duration = Duration::from_secs(10);
/// Requests of one connection that were read and not answered yet.
const IN_FLIGHT: usize = 64;

/// A request on its way to its answer.
enum Pending {
    Produce(produce::Pending),
    Other(Request),
}

/// Serves a connection until one side ends it.
pub(crate) async fn serve(stream: TcpStream, broker: Arc<Broker>) -> Result<(), Closed> {
    // Answers are small and somebody waits for each.
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    timeout(
        AUTHENTICATION,
        sasl::authenticate(&mut reader, &mut writer, &broker.settings.credentials),
    )
    .await
    .map_err(|_| Closed::Unauthenticated("nothing for too long"))??;
    let (queue, pending) = mpsc::channel(IN_FLIGHT);
    tokio::select! {
        ended = read(reader, queue, &broker) => ended,
        ended = answer(writer, pending, &broker) => ended,
    }
}

async fn read(
    mut reader: BufReader<OwnedReadHalf>,
    queue: mpsc::Sender<Pending>,
    broker: &Broker,
) -> Result<(), Closed> {
    let bounds = broker.settings.limits.request_bounds();
    loop {
        let request = frame::read(&mut reader, bounds).await?;
        let pending = match request.api {
            ApiKey::Produce => Pending::Produce(produce::submit(broker, request).await?),
            _ => Pending::Other(request),
        };
        queue.send(pending).await.map_err(|_| Closed::ByPeer)?;
    }
}

async fn answer(
    mut writer: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Pending>,
    broker: &Broker,
) -> Result<(), Closed> {
    while let Some(pending) = queue.recv().await {
        let answer = match pending {
            Pending::Produce(pending) => pending.answer().await?,
            Pending::Other(request) => Some(request::answer(broker, &request).await?),
        };
        if let Some(answer) = answer {
            frame::write(&mut writer, &answer).await?;
        }
    }
    Ok(())
}
