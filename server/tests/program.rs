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

/// Runs a maintenance command to its end: its exit code and what it said.
fn maintain(data: &std::path::Path, words: &[&str]) -> (Option<i32>, String) {
    let output = command(data, &[]).args(words).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

fn assert_says(data: &std::path::Path, words: &[&str], code: i32, sentences: &[&str]) {
    let (found, said) = maintain(data, words);
    assert_eq!(found, Some(code), "{words:?}: {said}");
    for sentence in sentences {
        assert!(
            said.contains(sentence),
            "{words:?} said {said:?}, without {sentence:?}"
        );
    }
}

/// A stopped server's data with twenty messages in each of two rooms.
async fn spoken(data: &std::path::Path) {
    let maru = Maru::start(data, &[("MARU_PROFILE", "bench"), ("MARU_PARTITIONS", "2")]);
    let mut client = Client::connect(&maru, "bot").await;
    for number in 0..20 {
        for room in ["가", "나"] {
            client
                .say(room, &format!("{room}{number}"), &format!("말 {number}"))
                .await;
        }
    }
    drop(client);
    assert!(maru.stop().success());
}

fn change(file: &std::path::Path, sql: &str) {
    let changed = rusqlite::Connection::open(file)
        .unwrap()
        .execute(sql, [])
        .unwrap();
    assert!(changed > 0, "{sql}");
}

const TWO: [(&str, &str); 1] = [("MARU_PARTITIONS", "2")];

/// The messages of a room, as a running server shows them.
fn shown(data: &std::path::Path, room: &str) -> (usize, String) {
    let maru = Maru::start(data, &TWO);
    let (status, page) = maru.get(&format!("/api/rooms/{room}/messages?limit=200"));
    assert_eq!(status, 200, "{page}");
    assert!(maru.stop().success());
    (page.matches("\"position\"").count(), page)
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_and_repair_of_what_is_whole() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    assert_says(&data, &["verify"], 1, &["no data directory", "MARU_DATA"]);
    spoken(&data).await;
    let settings = ["--partitions", "2"];
    assert_says(
        &data,
        &["verify", settings[0], settings[1]],
        0,
        &[
            // Two of messages, one of epochs, and those of what people do: eight that pass and sixteen of marks.
            "The log: 27 partitions",
            "40 whole messages in 2 rooms",
            "All is whole.",
        ],
    );
    assert_says(
        &data,
        &["repair", "--yes", settings[0], settings[1]],
        0,
        &["nothing to mend"],
    );
    let _running = Maru::start(&data, &TWO);
    assert_says(&data, &["verify"], 1, &["another server uses", "stop it"]);
    assert_says(
        &data,
        &["repair", "--yes"],
        1,
        &["another server uses", "stop it"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_not_the_logs_is_found_and_built_again() {
    for (damage, sentence) in [
        (
            "UPDATE messages SET body = 'x' WHERE offset = 3",
            "does not fit its checksum",
        ),
        (
            "DELETE FROM messages WHERE offset = 3",
            "messages of the log are missing",
        ),
        (
            "UPDATE sent SET offset = offset + 1",
            "does not fit its checksum",
        ),
        (
            "UPDATE checkpoints SET next = next + 1",
            "does not fit its checksum",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        spoken(data.path()).await;
        change(&data.path().join("history.db"), damage);
        let two = ["--partitions", "2"];
        assert_says(
            data.path(),
            &["verify", two[0], two[1]],
            1,
            &[sentence, "maru repair"],
        );
        assert_says(
            data.path(),
            &["repair", two[0], two[1]],
            1,
            &["Nothing was changed", "--yes"],
        );
        assert_says(data.path(), &["verify", two[0], two[1]], 1, &[sentence]);
        assert_says(
            data.path(),
            &["repair", "--yes", two[0], two[1]],
            0,
            &["history.db.repaired-1", "Mended.", "40 whole messages"],
        );
        assert_says(
            data.path(),
            &["verify", two[0], two[1]],
            0,
            &["All is whole."],
        );
        assert_eq!(shown(data.path(), "%EA%B0%80").0, 20, "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_told_saved_and_gets_a_new_epoch() {
    let data = tempfile::tempdir().unwrap();
    spoken(data.path()).await;
    let two = ["--partitions", "2"];
    let (_, before) = shown(data.path(), "%EA%B0%80");
    let log = data.path().join("log/log.sqlite");
    // One batch in the middle of whatever partition has one there.
    change(
        &log,
        "UPDATE batches SET data = zeroblob(90) WHERE id = (SELECT max(id) - 5 FROM batches)",
    );
    assert_says(
        data.path(),
        &["verify", two[0], two[1]],
        1,
        &[
            "lost: 1 record(s) of maru.messages",
            "between 20",
            "the history still has 1 message(s)",
        ],
    );
    assert_says(
        data.path(),
        &["repair", two[0], two[1]],
        1,
        &[
            "1 record(s) stay lost",
            "backup",
            "new epoch",
            "Nothing was changed",
        ],
    );
    assert!(!data.path().join("log.damaged-1").exists());
    assert_says(
        data.path(),
        &["repair", "--yes", two[0], two[1]],
        0,
        &["log.damaged-1", "Mended.", "39 whole messages"],
    );
    assert!(data.path().join("log.damaged-1/log.sqlite").exists());
    assert_says(
        data.path(),
        &["verify", two[0], two[1]],
        0,
        &["39 whole messages", "All is whole."],
    );
    let (one, after) = shown(data.path(), "%EA%B0%80");
    assert_eq!(one + shown(data.path(), "%EB%82%98").0, 39);
    let epoch = |page: &str| page.split_once("\"position\":\"").unwrap().1[..8].to_owned();
    assert_ne!(epoch(&before), epoch(&after));

    // A repair that was ended in the middle goes on, and no server starts before.
    let (log, aside) = (data.path().join("log"), data.path().join("log.damaged-2"));
    std::fs::write(data.path().join("repair"), "log.damaged-2").unwrap();
    std::fs::rename(&log, &aside).unwrap();
    std::fs::create_dir(&log).unwrap();
    std::fs::write(log.join("log.sqlite"), "half").unwrap();
    assert_fails(data.path(), &TWO, &["repair", "not finished"]);
    assert_says(
        data.path(),
        &["repair", "--yes", two[0], two[1]],
        0,
        &["Mended.", "39 whole messages"],
    );
    assert_says(
        data.path(),
        &["verify", two[0], two[1]],
        0,
        &["All is whole."],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_older_than_the_history_has_a_new_epoch_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    spoken(data.path()).await;
    let two = ["--partitions", "2"];
    let log = data.path().join("log/log.sqlite");
    let backup = std::fs::read(&log).unwrap();
    let (_, before) = shown(data.path(), "%EA%B0%80");
    let maru = Maru::start(data.path(), &TWO);
    Client::connect(&maru, "bot")
        .await
        .say("가", "later", "나중에")
        .await;
    assert!(maru.stop().success());
    std::fs::write(&log, backup).unwrap();
    assert_says(
        data.path(),
        &["verify", two[0], two[1]],
        1,
        &["1 record(s) were lost behind the end"],
    );
    let (messages, after) = shown(data.path(), "%EA%B0%80");
    assert_eq!(messages, 20);
    let epoch = |page: &str| page.split_once("\"position\":\"").unwrap().1[..8].to_owned();
    assert_ne!(epoch(&before), epoch(&after));
    assert_says(
        data.path(),
        &["verify", two[0], two[1]],
        0,
        &["All is whole."],
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_people_said_is_readable_by_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    spoken(data.path()).await;
    for file in ["history.db", "keys", "log"] {
        let mode = data
            .path()
            .join(file)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
    }
}
