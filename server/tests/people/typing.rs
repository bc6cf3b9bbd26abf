//! Who types.

use crate::support::{Client, header};
use crate::{Cluster, event, listener, until_present};

async fn types(client: &mut Client) {
    let send = [("destination", "/app/rooms.a.typing"), ("receipt", "t")];
    client.send("SEND", &send, "").await;
    client.receipt("t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_reaches_everybody_else_once_and_is_not_replayed() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.server("one"), cluster.server("other"));
    let mut ann = listener(&one, "ann").await;
    let mut bob = listener(&other, "bob").await;
    event(&mut ann, "read").await;
    event(&mut bob, "read").await;
    // The second comes too soon.
    for _ in 0..2 {
        types(&mut ann).await;
    }
    // Who has spoken types anew.
    let send = [("destination", "/app/rooms.a.send"), ("receipt", "s")];
    ann.send("SEND", &send, "done").await;
    ann.receipt("s").await;
    types(&mut ann).await;
    types(&mut bob).await;
    let mut eve = listener(&one, "eve").await;
    until_present(&mut eve, &["ann", "bob", "eve"]).await;
    types(&mut eve).await;
    for name in ["ann", "ann", "eve"] {
        let typing = event(&mut bob, "typing").await;
        assert_eq!(typing["sender"]["name"], name);
    }
    for name in ["bob", "eve"] {
        let typing = event(&mut ann, "typing").await;
        assert_eq!(typing["sender"]["name"], name, "not oneself");
    }
    // A server that was not there at the time.
    other.kill();
    let other = cluster.server("other");
    let mut late = listener(&other, "late").await;
    // What was said before it came up is not read back: nobody is there who was there through its earlier run.
    until_present(&mut late, &["ann", "eve", "late"]).await;
    types(&mut listener(&one, "zoe").await).await;
    let typing = event(&mut late, "typing").await;
    assert_eq!(typing["sender"]["name"], "zoe", "and nobody before");
    let (_, page) = one.get("/api/rooms/a/messages");
    assert_eq!(page.matches(r#""position":"#).count(), 1, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_name_does_not_type() {
    let cluster = Cluster::start().await;
    let maru = cluster.server("one");
    for (destination, reference, code) in [
        ("/app/rooms.a.typing", "", "forbidden"),
        ("/app/rooms.a.read", "5f2c9a01-3-1", "forbidden"),
        ("/app/rooms.A.typing", "", "unknown-destination"),
    ] {
        let mut reader = Client::open(&maru).await;
        reader
            .send("CONNECT", &[("accept-version", "1.2")], "")
            .await;
        reader.frame().await;
        let send = [("destination", destination), ("ref", reference)];
        reader.send("SEND", &send, "").await;
        assert_eq!(
            header(&reader.frame().await, "x-code"),
            code,
            "{destination}"
        );
    }
}
