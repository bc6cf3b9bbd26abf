//! The program from outside: what it says when something is wrong, and that it ends as it should.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use support::{Client, Maru, PATIENCE, command};

/// Runs the program to its end: its exit code and what it said on standard error.
fn failure(data: &std::path::Path, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut child = command(data, settings).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program goes on in spite of {settings:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (child.wait().unwrap().code(), said)
}

fn assert_fails(data: &std::path::Path, settings: &[(&str, &str)], words: &[&str]) {
    let (code, said) = failure(data, settings);
    assert!(
        code.is_some_and(|code| code != 0),
        "{settings:?} ended with {code:?}: {said}"
    );
    for word in words {
        assert!(
            said.contains(word),
            "{settings:?} said {said:?}, without {word:?}"
        );
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn wrong_settings_are_named_with_the_value_and_what_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    assert_fails(
        data.path(),
        &[("MARU_LISTEN", "nonsense")],
        &["MARU_LISTEN", "nonsense", "an IP address with a port"],
    );
    assert_fails(
        data.path(),
        &[("MARU_PARTITIONS", "0")],
        &["MARU_PARTITIONS", "0", "from 1 to 1000"],
    );
    assert_fails(
        data.path(),
        &[("MARU_FSYNC", "sometimes")],
        &["MARU_FSYNC", "sometimes", "always, off"],
    );
    assert_fails(
        data.path(),
        &[("MARU_KAFKA_PROPERTIES", "novalue")],
        &["part 1 of MARU_KAFKA_PROPERTIES", "NAME=VALUE"],
    );
    assert_fails(
        data.path(),
        &[("MARU_CONFIG", "/nowhere/maru.toml")],
        &["/nowhere/maru.toml", "cannot read"],
    );
    let file = data.path().join("maru.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    assert_fails(
        data.path(),
        &[("MARU_CONFIG", file.to_str().unwrap())],
        &["maru.toml", "line 1", "lisen", "did you mean listen?"],
    );
}

#[test]
fn a_port_in_use() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_fails(
        data.path(),
        &[("MARU_LISTEN", &address)],
        &["cannot listen on", &address, "MARU_LISTEN"],
    );
}

#[test]
fn a_data_directory_that_is_none() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_fails(&file, &[], &["data directory", "file", "MARU_DATA"]);
}

#[test]
fn damaged_keys_and_a_damaged_log_are_never_overwritten() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("keys"), "nonsense\n").unwrap();
    assert_fails(data.path(), &[], &["keys", "damaged at line 1"]);
    assert_eq!(
        std::fs::read(data.path().join("keys")).unwrap(),
        b"nonsense\n"
    );

    let data = tempfile::tempdir().unwrap();
    assert!(Maru::start(data.path(), &[]).stop().success());
    let log = data.path().join("log");
    let database = log.join("log.sqlite");
    std::fs::write(&database, [0x5a; 8192]).unwrap();
    assert_fails(data.path(), &[], &[log.to_str().unwrap()]);
    assert_eq!(std::fs::read(&database).unwrap(), [0x5a; 8192]);
}

#[test]
fn two_servers_do_not_share_a_directory() {
    let data = tempfile::tempdir().unwrap();
    let _first = Maru::start(data.path(), &[]);
    assert_fails(data.path(), &[], &[data.path().to_str().unwrap()]);
    let words = ["another server uses", data.path().to_str().unwrap()];
    assert_fails(data.path(), &[("KAFKA_BROKERS", "127.0.0.1:1")], &words);
}

#[test]
fn an_unreachable_kafka_is_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::launch(data.path(), &[("KAFKA_BROKERS", "127.0.0.1:1")]);
    let (status, said) = maru.get("/healthz/ready");
    assert_eq!(
        (status, said.as_str()),
        (503, "connecting to the room log\n")
    );
    assert_eq!(maru.get("/healthz/live").0, 200);
    let (head, page) = maru.request(
        &format!("GET /rooms/a HTTP/1.1\r\nHost: {}\r\n", maru.address),
        "",
    );
    assert!(
        head.starts_with("HTTP/1.1 503") && head.to_ascii_lowercase().contains("retry-after: 2"),
        "{head}"
    );
    assert!(page.contains("<h1>"), "a page with a sentence: {page}");
    let (head, _) = maru.request(
        &format!(
            "GET /api/rooms/a/messages HTTP/1.1\r\nHost: {}\r\n",
            maru.address
        ),
        "",
    );
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
}

#[test]
fn sigterm_ends_it_cleanly_before_and_after_it_is_ready() {
    let data = tempfile::tempdir().unwrap();
    assert!(Maru::launch(data.path(), &[]).stop().success());
    assert!(Maru::start(data.path(), &[]).stop().success());
    let waiting = Maru::launch(data.path(), &[("KAFKA_BROKERS", "127.0.0.1:1")]);
    assert!(waiting.stop().success());
}

#[test]
fn config_shows_what_is_in_force_or_fails() {
    let data = tempfile::tempdir().unwrap();
    let run = |settings: &[(&str, &str)]| {
        let output = command(data.path(), settings).arg("config").output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, shown, said) = run(&[("MARU_PARTITIONS", "3"), ("MARU_LISTN", "x")]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("partitions = 3"), "{shown}");
    assert!(shown.contains("# environment MARU_PARTITIONS"), "{shown}");
    assert!(said.contains("did you mean MARU_LISTEN?"), "{said}");
    // Saved, it is a configuration file that says the same.
    let file = data.path().join("maru.toml");
    std::fs::write(&file, &shown).unwrap();
    let (code, again, _) = run(&[("MARU_CONFIG", file.to_str().unwrap())]);
    assert_eq!(code, Some(0));
    assert!(
        again.contains("partitions = 3") && again.contains("maru.toml\", line"),
        "{again}"
    );

    let (code, shown, said) = run(&[("MARU_PARTITIONS", "0")]);
    assert_eq!((code, shown.as_str()), (Some(1), ""));
    assert!(said.contains("MARU_PARTITIONS is \"0\""), "{said}");
}

#[test]
fn version_says_what_is_built_in() {
    let data = tempfile::tempdir().unwrap();
    let output = command(data.path(), &[]).arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with(concat!("maru ", env!("CARGO_PKG_VERSION"))),
        "{said}"
    );
    for word in ["rustc 1.", "librdkafka 2.", "SQLite 3."] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_profile_that_cannot_be_served_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let words = ["conformance", "use chat or bench"];
    assert_fails(data.path(), &[("MARU_PROFILE", "conformance")], &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_bench_lifts_the_rate_limits_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let slow = [
        ("MARU_PROFILE", "bench"),
        ("MARU_RATE_PER_SECOND", "1"),
        ("MARU_RATE_BURST", "1"),
        ("MARU_CONNECTIONS", "1"),
    ];
    let maru = Maru::start(data.path(), &slow);
    let mut client = Client::connect(&maru, "bench").await;
    for number in 0..50 {
        client.say("a", &format!("m{number}"), "quickly").await;
    }
    assert!(
        Client::open_with(&maru, &[]).await.is_err(),
        "one connection too many"
    );
    let long = [
        ("destination", "/app/rooms.a.send"),
        ("client-msg-id", "long"),
    ];
    client.send("SEND", &long, &"가".repeat(4_001)).await;
    let refusal = client.frame().await;
    assert_eq!(refusal.command, stomp::Command::Error, "{refusal:?}");
}

/// The exit code of `maru healthcheck` for this listen address, and what it said on standard error.
fn healthcheck(data: &std::path::Path, listen: &str) -> (Option<i32>, String) {
    let output = command(data, &[("MARU_LISTEN", listen)])
        .arg("healthcheck")
        .output()
        .unwrap();
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.lines().count() <= 1, "one sentence: {said}");
    (output.status.code(), said)
}

#[test]
fn healthcheck_says_whether_the_server_is_ready() {
    let data = tempfile::tempdir().unwrap();
    let maru = Maru::start(data.path(), &[]);
    assert_eq!(
        healthcheck(data.path(), &maru.address),
        (Some(0), String::new())
    );
    let port = maru.address.rsplit_once(':').unwrap().1;
    let everywhere = format!("0.0.0.0:{port}");
    assert_eq!(
        healthcheck(data.path(), &everywhere),
        (Some(0), String::new())
    );
    let address = maru.address.clone();
    assert!(maru.stop().success());
    let (code, said) = healthcheck(data.path(), &address);
    assert!(
        code == Some(1) && said.contains("no server can be reached") && said.contains(&address),
        "{code:?} {said}"
    );

    let waiting = Maru::launch(data.path(), &[("KAFKA_BROKERS", "127.0.0.1:1")]);
    let (code, said) = healthcheck(data.path(), &waiting.address);
    assert!(
        code == Some(1) && said.contains("503") && said.contains("connecting to the room log"),
        "{code:?} {said}"
    );

    let (code, said) = healthcheck(data.path(), "127.0.0.1:0");
    assert!(
        code == Some(1) && said.contains("port 0"),
        "{code:?} {said}"
    );
}

#[test]
fn healthcheck_does_not_take_another_program_for_a_server() {
    let data = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let greeting = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        stream.write_all(b"SSH-2.0-nonsense\r\n").unwrap();
    });
    let (code, said) = healthcheck(data.path(), &address);
    greeting.join().unwrap();
    assert!(
        code == Some(1) && said.contains("does not answer as Maru does"),
        "{code:?} {said}"
    );
    // Accepted by the system, never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, said) = healthcheck(data.path(), &silent.local_addr().unwrap().to_string());
    assert!(
        code == Some(1) && said.contains("has not answered within"),
        "{code:?} {said}"
    );
}

#[test]
fn help_does_not_show_passwords() {
    let data = tempfile::tempdir().unwrap();
    let secret = [("MARU_KAFKA_PROPERTIES", "sasl.password=hunter-1717")];
    let help = command(data.path(), &secret)
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("MARU_KAFKA_PROPERTIES") && !help.contains("1717"),
        "{help}"
    );
}
