//! `kill -9` in the middle of writing: all that was acknowledged is there, once and in order.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    client::{create, delivered, offsets, producer, read_all, send, send_each, texts},
    target::{Pocket, config_for, settings},
};

const DIRECTORY: &str = "POCKET_KAFKA_TEST_DIRECTORY";
const LISTEN: &str = "POCKET_KAFKA_TEST_LISTEN";
const READY: &str = "pocket-kafka listens on ";

/// Not a test: the process that `killed_again_and_again` kills, which is this program run again.
#[test]
#[ignore = "the server process of another test"]
fn serve() {
    let (Ok(directory), Ok(listen)) = (std::env::var(DIRECTORY), std::env::var(LISTEN)) else {
        return;
    };
    let mut settings = settings(Path::new(&directory));
    settings.listen = listen.parse().unwrap();
    let pocket = Pocket::start(settings);
    println!("\n{READY}{}", pocket.address());
    // Ends with the process that started it, whatever becomes of that.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(directory: &Path, listen: SocketAddr) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "pocket::kill::serve", "--nocapture"])
            .env(DIRECTORY, directory)
            .env(LISTEN, listen.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix(READY)?.parse().unwrap()));
        Self {
            process,
            address: address.expect("the server did not start"),
        }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn killed_again_and_again_nothing_acknowledged_is_lost_doubled_or_reordered() {
    const PARTITIONS: i32 = 8;
    const ROUNDS: usize = 6;
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), "127.0.0.1:0".parse().unwrap());
    let address = server.address;
    let config = config_for(address);
    let topic = create(&config, "kill", PARTITIONS);
    let producer = producer(&config);
    // From now on it has its id and sends at once.
    for partition in 0..PARTITIONS {
        send_each(&producer, &topic, partition, ["0"]);
    }
    let mut sent = 1;
    let mut deliveries = Vec::new();
    for round in 0..ROUNDS {
        let killer = thread::spawn(move || {
            // At another point of the stream each time.
            thread::sleep(Duration::from_millis(
                150 + 37 * u64::try_from(round).unwrap(),
            ));
            server.kill();
        });
        while !killer.is_finished() {
            for partition in 0..PARTITIONS {
                deliveries.push((
                    partition,
                    sent,
                    send(&producer, &topic, partition, sent.to_string()),
                ));
            }
            sent += 1;
            thread::sleep(Duration::from_millis(2));
        }
        killer.join().unwrap();
        server = Server::start(directory.path(), address);
    }
    assert!(sent > 100, "{sent}");
    for (partition, number, delivery) in deliveries {
        let delivery = delivered(delivery).unwrap();
        assert_eq!((delivery.partition, delivery.offset), (partition, number));
    }
    for partition in 0..PARTITIONS {
        let messages = read_all(&config, &topic, partition);
        assert_eq!(offsets(&messages), (0..sent).collect::<Vec<_>>());
        assert_eq!(
            texts(&messages),
            (0..sent).map(|i| i.to_string()).collect::<Vec<_>>()
        );
    }
    server.kill();
}
