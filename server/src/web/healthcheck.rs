//! `maru healthcheck`: asks a running server whether it is ready, for containers and supervisors.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most that is read of the reason a server gives, in bytes.
const REASON: usize = 1024;

/// Why the server counts as not healthy: a sentence.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Port 0 lets the system choose, and nobody else knows what it chose.
    #[error(
        "listen is {0}: with port 0 nobody can tell where the server listens, so give it a port"
    )]
    NoPort(SocketAddr),
    /// Nobody listens there.
    #[error("no server can be reached at {address}: {source}")]
    Unreachable {
        /// Where it should listen.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody listens who does not speak HTTP.
    #[error("what listens at {address} does not answer as Maru does: {source}")]
    Foreign {
        /// Where it listens.
        address: SocketAddr,
        /// Why.
        source: axum::BoxError,
    },
    /// The server says that it should not get requests now.
    #[error("the server at {address} is not ready: it answers {status}, {reason}")]
    NotReady {
        /// Where it listens.
        address: SocketAddr,
        /// Its answer.
        status: StatusCode,
        /// Its own words.
        reason: String,
    },
    /// No answer in time.
    #[error("the server at {address} has not answered within {} seconds", PATIENCE.as_secs())]
    Silent {
        /// Where it listens.
        address: SocketAddr,
    },
}

/// Asks the server that listens there, once.
pub async fn healthcheck(listen: SocketAddr) -> Result<(), HealthError> {
    if listen.port() == 0 {
        return Err(HealthError::NoPort(listen));
    }
    let address = reachable(listen);
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    match answer.map_err(|_| HealthError::Silent { address })?? {
        (StatusCode::OK, _) => Ok(()),
        (status, reason) => Err(HealthError::NotReady {
            address,
            status,
            reason,
        }),
    }
}

/// Where this machine reaches a server that listens here: one that listens everywhere is also at the loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address
}

/// Status and words of `/healthz/ready`.
async fn ask(address: SocketAddr) -> Result<(StatusCode, String), HealthError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| HealthError::Unreachable { address, source })?;
    let foreign = |source: axum::BoxError| HealthError::Foreign { address, source };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| foreign(error.into()))?;
    let talking = tokio::spawn(connection);
    let request = Request::get("/healthz/ready")
        .header(header::HOST, address.to_string())
        .body(Body::empty())
        .map_err(|error| foreign(error.into()))?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| foreign(error.into()))?;
    let status = answer.status();
    let words = axum::body::to_bytes(Body::new(answer.into_body()), REASON)
        .await
        .map_err(|error| foreign(error.into()))?;
    talking.abort();
    Ok((status, String::from_utf8_lossy(&words).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_the_loopback_address() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.168.0.7:80", "192.168.0.7:80"),
        ] {
            let listen: SocketAddr = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }
}
