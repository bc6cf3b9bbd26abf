//! CONNECT: what it asks for and what is agreed.

use ::stomp::heartbeat::Agreement;
use ::stomp::{Frame, HeartBeat, Version, version};

use super::liveness;
use crate::stomp::destinations::Credentials;
use crate::stomp::refusal::{Code, Refusal};

/// What a well-formed CONNECT comes to. Who the client is has not been checked.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) credentials: Credentials,
    pub(super) version: Version,
    /// The server's `heart-beat` header; none in 1.0, which has no heart-beats.
    pub(super) heartbeat: Option<HeartBeat>,
    /// What follows from both sides' headers.
    pub(super) agreement: Agreement,
}

/// Reads the first frame of a session (checklist items 24 to 32 and 70).
pub(super) fn read(frame: &Frame) -> Result<Login, Refusal> {
    if !frame.command.opens_session() {
        return Err(Refusal::new(
            Code::NotConnected,
            "Not connected",
            format!("{} came before CONNECT.", frame.command.as_str()),
        ));
    }
    let header = |name| frame.header(name).map(|value| &**value);
    let version =
        version::negotiate(header("accept-version")).ok_or_else(Refusal::unsupported_version)?;
    let (heartbeat, agreement) = if version == Version::V1_0 {
        (None, Agreement::default())
    } else {
        let wishes = HeartBeat::from_header(header("heart-beat"))
            .map_err(|error| Refusal::invalid_header(error.to_string()))?;
        let answer = wishes.answer(liveness::BOUNDS);
        (Some(answer), answer.agree(wishes))
    };
    let credentials = Credentials {
        login: frame.header("login").cloned(),
        passcode: frame.header("passcode").cloned(),
        host: frame.header("host").cloned(),
    };
    Ok(Login {
        credentials,
        version,
        heartbeat,
        agreement,
    })
}

/// Why a connection that never logs in ends.
pub(super) fn timed_out() -> Refusal {
    Refusal::new(
        Code::LoginTimeout,
        "Login timeout",
        "No CONNECT came in time. Connect again, and send CONNECT as soon as the socket is open.",
    )
}

/// CONNECT in an open session.
pub(super) fn repeated() -> Refusal {
    Refusal::new(
        Code::AlreadyConnected,
        "Already connected",
        "A session begins with one CONNECT; this is another one.",
    )
}
