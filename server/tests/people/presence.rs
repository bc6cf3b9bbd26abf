//! Who is there, over two servers.

use crate::support::Client;
use crate::{Cluster, listener, nothing_but, subscribe, until_present};

#[tokio::test(flavor = "multi_thread")]
async fn tabs_and_servers_count_once() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.server("one"), cluster.server("other"));
    let mut watcher = listener(&other, "watcher").await;
    let mut tabs = Vec::new();
    for maru in [&one, &one, &other] {
        let mut tab = listener(maru, "tabs").await;
        until_present(&mut tab, &["tabs", "watcher"]).await;
        tabs.push(tab);
    }
    until_present(&mut watcher, &["tabs", "watcher"]).await;
    // Two of the three tabs go; somebody without a name only looks.
    tabs.truncate(1);
    let mut reader = Client::open(&one).await;
    reader
        .send("CONNECT", &[("accept-version", "1.2")], "")
        .await;
    reader.frame().await;
    subscribe(&mut reader, "/topic/rooms.a.events").await;
    until_present(&mut reader, &["tabs", "watcher"]).await;
    let mut last = listener(&one, "zoe").await;
    until_present(&mut last, &["tabs", "watcher", "zoe"]).await;
    nothing_but(&mut watcher, "zoe", &["tabs", "watcher", "zoe"]).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn changing_servers_is_no_news() {
    let cluster = Cluster::start().await;
    let (one, other) = (cluster.server("one"), cluster.server("other"));
    let mut watcher = listener(&other, "watcher").await;
    let mut mover = listener(&one, "mover").await;
    until_present(&mut watcher, &["mover", "watcher"]).await;
    until_present(&mut mover, &["mover", "watcher"]).await;
    assert!(one.stop().success());
    drop(mover);
    let mut mover = listener(&other, "mover").await;
    until_present(&mut mover, &["mover", "watcher"]).await;
    // A server that comes up knows at once who is there.
    let one = cluster.server("one");
    let mut newcomer = listener(&one, "newcomer").await;
    until_present(&mut newcomer, &["mover", "newcomer", "watcher"]).await;
    let present = ["mover", "newcomer", "watcher"];
    nothing_but(&mut watcher, "newcomer", &present).await;
}
