//! Accepts connections and speaks HTTP/1.1 on them, with limits on the time and size of a request's head.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long a client may take to send a request's head (security plan 5.3).
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How large a request's head may be; also the size of the connection's read buffer, which hyper wants to be no smaller.
const HEAD_BYTES: usize = 8 * 1024;
/// How long requests in flight may take once the server is going down.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Serves until `closing` is cancelled, then finishes the requests in flight. Upgraded sockets are not waited for.
pub async fn serve(listener: TcpListener, router: Router, closing: CancellationToken) {
    let conversations = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                conversations.spawn(converse(stream, address, router.clone(), closing.clone()));
            }
            Err(error) => {
                // Out of file descriptors, as a rule: they come back when somebody leaves.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    conversations.close();
    if tokio::time::timeout(LAST_ANSWERS, conversations.wait())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still open when the server went down");
    }
}

async fn converse(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    closing: CancellationToken,
) {
    // Frames are coalesced by their writer already; waiting for more only adds latency.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %address, "a connection ended early");
    }
}
