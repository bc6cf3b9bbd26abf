//! A server that cannot serve sends its clients away in order.

use stomp::Command;

use crate::start;
use crate::support::{self, Client, header};

/// Holds the write lock of one of the server's databases until it is dropped.
fn locked(database: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_down_answers_what_is_on_its_way() {
    let (data, maru) = start(&[]);
    let mut client = Client::connect(&maru, "bot").await;
    client.say("a", "m1", "before").await;
    let lock = locked(&data.path().join("log/log.sqlite"));
    let send = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", "m2"),
        ("receipt", "m2"),
    ];
    client.send("SEND", &send, "on its way").await;
    let subscribe = [
        ("id", "r"),
        ("destination", "/topic/rooms.b"),
        ("receipt", "s"),
    ];
    client.send("SUBSCRIBE", &subscribe, "").await;
    assert_eq!(header(&client.frame().await, "receipt-id"), "s");
    maru.terminate();
    // The door closes first.
    while std::net::TcpStream::connect(&maru.address).is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(lock);
    let receipt = client.frame().await;
    assert_eq!(
        (receipt.command, header(&receipt, "receipt-id")),
        (Command::Receipt, "m2")
    );
    let error = client.frame().await;
    assert_eq!(
        (error.command, header(&error, "x-code")),
        (Command::Error, "draining")
    );
    assert_eq!(
        u16::from(client.next().await.unwrap_err().unwrap().code),
        1012
    );
    assert!(maru.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_server_keeps_its_clients_while_its_store_takes_nothing() {
    let (data, maru) = start(&[]);
    let mut client = Client::connect(&maru, "bot").await;
    let lock = locked(&data.path().join("history.db"));
    let receipt = client
        .say("a", "m1", "in the log, but not in the store")
        .await;
    // A position that no log reaches breaks nothing, whether messages are stored or wait for that.
    let headers = [
        ("id", "r"),
        ("destination", "/topic/rooms.a"),
        ("receipt", "s"),
        ("x-recover-epoch", header(&receipt, "x-epoch")),
        ("x-recover-offset", "9223372036854775807"),
    ];
    let mut ahead = Client::connect(&maru, "ahead").await;
    ahead.send("SUBSCRIBE", &headers, "").await;
    assert_eq!(header(&ahead.receipt("s").await, "x-replay-count"), "0");

    // Longer than a server waits that has others beside it: there is no other server for this log.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    assert_eq!(maru.get("/healthz/ready").0, 200);
    client.say("a", "m2", "still here").await;
    drop(lock);
    client.say("a", "m3", "and stored").await;
}

/// Three hundred clients are told times that together take a second and a half, and the operator sees the server go.
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_to_come_back_spread_over_a_time_that_follows_their_number() {
    const CLIENTS: usize = 300;
    let (_data, maru) = start(&[("MARU_ADMIN_LISTEN", "127.0.0.1:0")]);
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(Client::connect(&maru, &format!("bot-{number}")).await);
    }
    maru.terminate();
    let admin = maru.admin.clone().unwrap();
    while support::get(&admin, "/healthz/ready").0 == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut times = Vec::new();
    for client in &mut clients {
        let error = client.frame().await;
        assert_eq!(header(&error, "x-code"), "draining");
        times.push(header(&error, "x-retry-after-ms").parse::<u64>().unwrap());
    }
    drop(clients);
    let mut thirds = [0; 3];
    for time in times {
        thirds[usize::try_from(time / 500).unwrap()] += 1;
    }
    assert!(
        thirds.iter().all(|third| (50..=150).contains(third)),
        "{thirds:?}"
    );
    assert!(maru.stop().success());
}
