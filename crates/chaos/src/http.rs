//! Plain GET requests: readiness and pages of history.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use checker::{Entry, MessageId, NOTHING, Room};
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use protocol::HistoryPage;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::journal::content;
use crate::person::room_name;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Status and body.
pub(crate) async fn get(server: SocketAddr, path: &str) -> io::Result<(u16, Bytes)> {
    let asking = async {
        let stream = TcpStream::connect(server).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let request = Request::get(path)
            .header("host", server.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?;
        connection.abort();
        Ok((status, body.to_bytes()))
    };
    timeout(PATIENCE, asking)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Whether the server serves.
pub(crate) async fn is_ready(server: SocketAddr) -> bool {
    matches!(get(server, "/healthz/ready").await, Ok((200, _)))
}

/// A room from its first to its last message.
pub(crate) async fn whole_room(server: SocketAddr, room: Room) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/rooms/{}/messages?limit=200{before}", room_name(room));
        let (status, body) = get(server, &path).await?;
        if status != 200 {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(io::Error::other(format!("{path}: {status} {text}")));
        }
        let page: HistoryPage = serde_json::from_slice(&body)?;
        if let Some(first) = page.messages.first() {
            before = format!("&before={}", first.position);
        }
        let read = page.messages.iter().rev().map(|message| Entry {
            offset: message.position.offset,
            prev: message.prev.unwrap_or(NOTHING),
            // What nobody sent has a number that nobody has.
            message: MessageId(message.id.parse().unwrap_or(u64::MAX)),
            content: content(&message.body),
        });
        entries.extend(read);
        if !page.more {
            entries.reverse();
            return Ok(entries);
        }
    }
}
