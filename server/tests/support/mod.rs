//! The real program in a process of its own, and a STOMP client for it.

#![allow(dead_code, reason = "each test program uses another part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use stomp::{Decoder, Frame, Item, Limits};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as WebSocketFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long anything may take before the test counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running `maru`.
pub(crate) struct Maru {
    child: Child,
    pub(crate) address: String,
    /// Where its metrics are, with `MARU_ADMIN_LISTEN`.
    pub(crate) admin: Option<String>,
}

impl Maru {
    /// Starts the program with data in this directory and waits until it is ready.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let maru = Self::launch(data, settings);
        maru.until_ready();
        maru
    }

    fn until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get("/healthz/ready");
            if status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {body}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the program and waits until it has said where it listens.
    pub(crate) fn launch(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::opened(command(data, settings), settings)
    }

    fn opened(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .next()
            .expect("the program says where it is open")
            .unwrap();
        let address = line
            .strip_prefix("Maru is open at http://")
            .expect("the documented line")
            .to_owned();
        let mut admin = None;
        if settings
            .iter()
            .any(|(name, _)| *name == "MARU_ADMIN_LISTEN")
        {
            let words = lines.find_map(|line| {
                let line = line.unwrap();
                line.strip_prefix("Metrics are at http://")
                    .map(str::to_owned)
            });
            let line = words.expect("the documented line");
            admin = line.strip_suffix("/metrics").map(str::to_owned);
        }
        Self {
            child,
            address,
            admin,
        }
    }

    /// Like `start`, as the child of another program that is given these words before it.
    pub(crate) fn start_under(
        program: &str,
        words: &[&str],
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let own = command(data, settings);
        let mut command = Command::new(program);
        command.args(words).arg(own.get_program());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let maru = Self::opened(command, settings);
        maru.until_ready();
        maru
    }

    /// Kills the program as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the program to stop.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Asks the program to stop and waits until it has.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        self.terminate();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "SIGTERM was not heard");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A plain GET: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(&self.address, path)
    }

    /// What the server has counted under this name and these labels, as operators see it.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let (status, text) = get(self.admin.as_ref().unwrap(), "/metrics");
        assert_eq!(status, 200, "{text}");
        let value = text.lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == series).then(|| value.parse().unwrap())
        });
        value.unwrap_or_else(|| panic!("no {series} in {text}"))
    }

    /// Waits until exactly so much is there.
    pub(crate) async fn becomes(&self, series: &str, wanted: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.metric(series) != wanted {
            assert!(Instant::now() < deadline, "{series} is not {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until at least so much is counted.
    pub(crate) async fn counts(&self, series: &str, at_least: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let count = self.metric(series);
            if count >= at_least {
                return;
            }
            assert!(Instant::now() < deadline, "{series} is {count}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A request with these first lines; gives head and body of the answer.
    pub(crate) fn request(&self, head: &str, body: &str) -> (String, String) {
        request(&self.address, head, body)
    }
}

/// A plain GET at an address: status and body.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    let (head, body) = request(address, &head, "");
    (head[9..12].parse().unwrap(), body)
}

fn request(address: &str, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A server that refuses a request answers before it has read all of it, and then hangs up: what it said counts.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

impl Drop for Maru {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with a clean environment, a free port and data in this directory.
pub(crate) fn command(data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maru"));
    for name in [
        "KAFKA_BROKERS",
        "MARU_CONFIG",
        "MARU_KEYS_FILE",
        "LEPTOS_WATCH",
    ] {
        command.env_remove(name);
    }
    command
        .env("MARU_LISTEN", "127.0.0.1:0")
        // That the page's files are not there is no news here.
        .env("MARU_LOG", "warn,server::run=error")
        .env("MARU_DATA", data)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a client hears, heart-beats and pings too.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A WebSocket message.
    Stomp(String),
    /// A WebSocket ping.
    Ping,
}

/// A STOMP client.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    decoder: Decoder,
}

impl Client {
    /// Opens the socket, without CONNECT.
    pub(crate) async fn open(maru: &Maru) -> Self {
        Self::open_with(maru, &[]).await.unwrap()
    }

    /// Opens the socket with these headers; an error holds the HTTP answer.
    pub(crate) async fn open_with(
        maru: &Maru,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}/ws", maru.address).into_client_request()?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self {
            socket,
            decoder: Decoder::new(Limits {
                body: 4 << 20,
                frame: 4 << 20,
                ..Limits::default()
            }),
        })
    }

    /// Opens the socket and logs in.
    pub(crate) async fn connect(maru: &Maru, login: &str) -> Self {
        let mut client = Self::open(maru).await;
        client
            .send(
                "CONNECT",
                &[
                    ("accept-version", "1.2"),
                    ("login", login),
                    ("passcode", "p"),
                ],
                "",
            )
            .await;
        let connected = client.frame().await;
        assert_eq!(
            connected.command,
            stomp::Command::Connected,
            "{connected:?}"
        );
        client
    }

    /// Sends a frame given by its parts.
    pub(crate) async fn send(&mut self, command: &str, headers: &[(&str, &str)], body: &str) {
        let mut frame = format!("{command}\n");
        for (name, value) in headers {
            frame.extend([name, ":", value, "\n"]);
        }
        frame.extend(["\n", body, "\0"]);
        self.text(&frame).await;
    }

    /// Sends a text message as it is.
    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends a binary message as it is.
    pub(crate) async fn binary(&mut self, bytes: &[u8]) {
        self.socket
            .send(Message::binary(bytes.to_vec()))
            .await
            .unwrap();
    }

    /// Sends a text message whose bytes are not checked.
    pub(crate) async fn unchecked_text(&mut self, bytes: &[u8]) {
        let frame = WebSocketFrame::message(bytes.to_vec(), OpCode::Data(Data::Text), true);
        self.socket.send(Message::Frame(frame)).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.next()
            .await
            .unwrap_or_else(|close| panic!("the server closed: {close:?}"))
    }

    /// The next frame, or how the server closed.
    pub(crate) async fn next(&mut self) -> Result<Frame, Option<CloseFrame>> {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("a frame in time")
    }

    /// The next thing that comes, whatever it is. The client hears of pings only while it is asked, and a server that says
    /// nothing would be waited for without an end: so this has one.
    pub(crate) async fn hear(&mut self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("something in time");
        match heard {
            Some(Ok(Message::Ping(_))) => Heard::Ping,
            Some(Ok(Message::Text(text))) => Heard::Stomp(text.to_string()),
            other => panic!("{other:?}"),
        }
    }

    /// Closes the socket as a WebSocket client does, without DISCONNECT.
    pub(crate) async fn close(&mut self) {
        self.socket.close(None).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// The next frame, if one comes in this time.
    pub(crate) async fn frame_within(&mut self, time: Duration) -> Option<Frame> {
        let frame = tokio::time::timeout(time, self.read()).await.ok()?;
        Some(frame.unwrap_or_else(|close| panic!("the server closed: {close:?}")))
    }

    async fn read(&mut self) -> Result<Frame, Option<CloseFrame>> {
        loop {
            while let Some(item) = self.decoder.next().unwrap() {
                if let Item::Frame(frame) = item {
                    return Ok(frame);
                }
            }
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => self.decoder.push(Bytes::from(text)),
                Some(Ok(Message::Binary(bytes))) => self.decoder.push(bytes),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Says something in a room and waits for the RECEIPT.
    pub(crate) async fn say(&mut self, room: &str, id: &str, body: &str) -> Frame {
        let destination = format!("/app/rooms.{room}.send");
        self.send(
            "SEND",
            &[
                ("destination", &destination),
                ("client-msg-id", id),
                ("receipt", id),
            ],
            body,
        )
        .await;
        self.receipt(id).await
    }

    /// Waits for this RECEIPT, passing over messages.
    pub(crate) async fn receipt(&mut self, id: &str) -> Frame {
        loop {
            let frame = self.frame().await;
            match frame.command {
                stomp::Command::Receipt
                    if frame.header("receipt-id").is_some_and(|own| &**own == id) =>
                {
                    return frame;
                }
                stomp::Command::Message => {}
                _ => panic!("{frame:?}"),
            }
        }
    }
}

/// A frame's header, or an empty text.
pub(crate) fn header<'frame>(frame: &'frame Frame, name: &str) -> &'frame str {
    frame.header(name).map_or("", |value| value)
}

/// A frame's body as text.
pub(crate) fn body(frame: &Frame) -> &str {
    std::str::from_utf8(&frame.body).unwrap()
}
