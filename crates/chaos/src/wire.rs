//! A STOMP 1.2 connection over WebSocket, as a client sees it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use stomp::{Decoder, Frame, Item, Limits, Version};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

/// How long a server may take to let a client in.
const LOGIN: Duration = Duration::from_secs(3);
/// For how long a connection that vanished stays half open.
const TUNNEL: Duration = Duration::from_secs(60);

/// A logged-in connection.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
    decoder: Decoder,
}

/// What came from the server.
pub(crate) enum Heard {
    /// A frame.
    Frame(Frame),
    /// A heart-beat, a ping, or a part of a frame.
    Life,
    /// Nothing more comes.
    End,
}

impl Wire {
    /// Connects and logs in; asks for a heart-beat of the server so often. `from` is the client's own address.
    pub(crate) async fn connect(
        server: SocketAddr,
        from: IpAddr,
        login: &str,
        beat: Duration,
    ) -> io::Result<Self> {
        timeout(LOGIN, Self::log_in(server, from, login, beat))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn log_in(
        server: SocketAddr,
        from: IpAddr,
        login: &str,
        beat: Duration,
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = client_async(format!("ws://{server}/ws"), stream)
            .await
            .map_err(io::Error::other)?;
        let mut wire = Self {
            socket,
            decoder: Decoder::new(Limits {
                frame: 1 << 20,
                ..Limits::default()
            }),
        };
        let connect = Frame::new(stomp::Command::Connect)
            .with("accept-version", "1.2")
            .with("heart-beat", format!("0,{}", beat.as_millis()))
            .with("login", login)
            .with("passcode", "chaos");
        wire.send(&connect).await?;
        loop {
            match wire.hear().await {
                Heard::Frame(frame) if frame.command == stomp::Command::Connected => {
                    wire.decoder.set_version(Version::V1_2);
                    return Ok(wire);
                }
                Heard::Life => {}
                Heard::Frame(frame) => {
                    let text = String::from_utf8_lossy(&frame.body).into_owned();
                    return Err(io::Error::other(text));
                }
                Heard::End => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let bytes = stomp::encode_to_bytes(frame, Version::V1_2);
        let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
        self.socket
            .send(Message::Text(text.into()))
            .await
            .map_err(io::Error::other)
    }

    /// Waits for something from the server. Nothing is lost when the wait is given up.
    pub(crate) async fn hear(&mut self) -> Heard {
        match self.decoder.next() {
            Ok(Some(Item::Frame(frame))) => return Heard::Frame(frame),
            Ok(Some(Item::HeartBeat)) => return Heard::Life,
            Ok(None) => {}
            Err(_) => return Heard::End,
        }
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => self.decoder.push(Bytes::from(text)),
            Some(Ok(Message::Binary(bytes))) => self.decoder.push(bytes),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Heard::End,
            Some(Ok(_)) => {}
        }
        Heard::Life
    }

    /// Lets the connection go without a word, as a program does that is ended: the system closes the socket.
    pub(crate) fn end(self) {
        drop(self.socket);
    }

    /// Lets the connection go without a word, as a phone in a tunnel does: the socket stays open, and nobody reads or writes.
    pub(crate) fn vanish(self, until: CancellationToken) {
        tokio::spawn(async move {
            tokio::select! {
                () = sleep(TUNNEL) => {}
                () = until.cancelled() => {}
            }
            drop(self.socket);
        });
    }
}
