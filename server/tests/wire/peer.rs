//! One client's WebSocket, message by message.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Maru, PATIENCE};
use crate::table::Form;
use crate::text::shown;

/// What the server did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    /// With the code and the reason.
    Close(String),
}

impl Heard {
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(bytes) => shown(bytes),
            Self::Binary(bytes) => format!("binary {}", shown(bytes)),
            Self::Close(how) => format!("x {how}"),
        }
    }
}

/// One client.
pub(crate) struct Peer {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Peer {
    /// Opens a socket with these headers, `Name: value; …`. With it comes the answer: its status, its subprotocol or `-`,
    /// and its extensions, if any.
    pub(crate) async fn open(maru: &Maru, headers: &str) -> (Option<Self>, String) {
        let mut request = format!("ws://{}/ws", maru.address)
            .into_client_request()
            .unwrap();
        for pair in headers.split("; ").filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once(": ").expect("Name: value");
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, answer)) => {
                let value = |name| {
                    answer
                        .headers()
                        .get(name)
                        .map(|value| value.to_str().unwrap())
                };
                let protocol = value(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or("-");
                let extensions = value(header::SEC_WEBSOCKET_EXTENSIONS).unwrap_or_default();
                let answer = format!("101 {protocol} {extensions}");
                (Some(Self { socket }), answer.trim_end().to_owned())
            }
            Err(Error::Http(answer)) => (None, answer.status().as_u16().to_string()),
            Err(error) => (None, error.to_string()),
        }
    }

    /// Sends bytes. A server that has closed meanwhile need not take them.
    pub(crate) async fn send(&mut self, bytes: &[u8], form: Form) {
        match form {
            Form::Text => {
                let text = str::from_utf8(bytes).expect("a text message is UTF-8");
                let _ = self.socket.send(Message::text(text)).await;
            }
            Form::Binary => {
                let _ = self.socket.send(Message::binary(bytes.to_vec())).await;
            }
            Form::Octets => {
                for octet in bytes {
                    let _ = self.socket.feed(Message::binary(vec![*octet])).await;
                }
                let _ = self.socket.flush().await;
            }
            Form::Unchecked => {
                let frame = Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), true);
                let _ = self.socket.send(Message::Frame(frame)).await;
            }
        }
    }

    /// What comes next.
    pub(crate) async fn hear(&mut self) -> Result<Heard, String> {
        let next = async {
            loop {
                return match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => Ok(Heard::Text(text.as_bytes().to_vec())),
                    Some(Ok(Message::Binary(bytes))) => Ok(Heard::Binary(bytes.to_vec())),
                    Some(Ok(Message::Close(Some(close)))) => {
                        let how = format!("{} {}", u16::from(close.code), close.reason);
                        Ok(Heard::Close(how.trim_end().to_owned()))
                    }
                    Some(Ok(Message::Close(None))) => Ok(Heard::Close("1005".to_owned())),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => Err(format!("the socket broke: {error}")),
                    None => Err("the socket ended without a close".to_owned()),
                };
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, next).await;
        in_time.map_err(|_| "nothing came".to_owned())?
    }

    /// Whether the server says nothing more.
    pub(crate) async fn is_over(&mut self) -> bool {
        let rest = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        matches!(rest, Ok(None | Some(Err(_))))
    }
}
