//! Rooms as files: how many at a time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{Client, Maru, PATIENCE};
use crate::{FAST, start};

const PATH: &str = "/api/rooms/a/export.ndjson";

/// An export whose client reads no further than the status.
fn stalled(maru: &Maru) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(&maru.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = &maru.address;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    (stream, String::from_utf8_lossy(&status[9..]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn four_exports_run_at_a_time() {
    let (_data, maru) = start(FAST);
    let mut client = Client::connect(&maru, "jiu").await;
    // More than the system's buffers of a connection hold.
    let text = "😀".repeat(4_000);
    for batch in 0..20 {
        for number in 0..40 {
            let id = format!("{batch}-{number}");
            let headers = [
                ("destination", "/app/rooms.a.send"),
                ("client-msg-id", &*id),
            ];
            client.send("SEND", &headers, &text).await;
        }
        client.say("a", &format!("{batch}-last"), "x").await;
    }
    let (streams, statuses): (Vec<_>, Vec<_>) = (0..4).map(|_| stalled(&maru)).unzip();
    assert_eq!(statuses, ["200"; 4]);
    let (status, body) = maru.get(PATH);
    assert_eq!(status, 503, "{body:.200}");
    assert!(body.contains("exports are running"), "{body}");
    drop(streams);
    let deadline = Instant::now() + PATIENCE;
    while maru.get(PATH).0 != 200 {
        assert!(Instant::now() < deadline, "their turns do not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
}
