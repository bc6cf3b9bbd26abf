//! From text to value: each function gives none for what is not allowed.

use std::ops::RangeBounds;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pocket_kafka::Durability;
use tracing_subscriber::EnvFilter;

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// People and programs chat in rooms.
    Chat,
    /// Queues and topics in memory, for the test suites of STOMP clients.
    Conformance,
    /// As for chat, without limits on the rate of messages; nothing else differs.
    Bench,
}

pub(super) fn profile(text: &str) -> Option<Profile> {
    match text {
        "chat" => Some(Profile::Chat),
        "conformance" => Some(Profile::Conformance),
        "bench" => Some(Profile::Bench),
        _ => None,
    }
}

/// Anything with the usual way to be read.
pub(super) fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A number in a range.
pub(super) fn number<T: FromStr + PartialOrd>(
    range: impl RangeBounds<T>,
) -> impl Fn(&str) -> Option<T> {
    move |text| parsed(text).filter(|number| range.contains(number))
}

/// Blank text means that there is none.
pub(super) fn optional<T>(read: impl Fn(&str) -> Option<T>) -> impl Fn(&str) -> Option<Option<T>> {
    move |text| {
        if text.trim().is_empty() {
            Some(None)
        } else {
            read(text).map(Some)
        }
    }
}

/// Addresses as librdkafka reads them: with its protocol before it or without, and port 9092 where none is said.
pub(super) fn brokers(text: &str) -> Option<String> {
    let good = |broker: &str| {
        let address = broker.split_once("://").map_or(broker, |(_, rest)| rest);
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "9092"));
        !host.is_empty() && !host.contains([' ', '/', '=']) && port.parse::<u16>().is_ok()
    };
    let text = text.trim();
    text.split(',')
        .map(str::trim)
        .all(good)
        .then(|| text.to_owned())
}

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// The folder with the page's files: where nothing else is said, beside the program, so that a copied folder stays whole.
pub(super) fn site(text: &str) -> Option<PathBuf> {
    path(text).or_else(|| {
        let program = std::env::current_exe().ok()?;
        Some(program.parent()?.join("site"))
    })
}

/// A filter that `EnvFilter` can read.
pub(super) fn filter(text: &str) -> Option<String> {
    EnvFilter::try_new(text).ok().map(|_| text.to_owned())
}

pub(super) fn topic_prefix(text: &str) -> Option<String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let good = (1..=100).contains(&text.len()) && text.bytes().all(letter);
    good.then(|| text.to_owned())
}

pub(super) fn durability(text: &str) -> Option<Durability> {
    match text {
        "always" => Some(Durability::Always),
        "off" => Some(Durability::Off),
        other => number(1..=60_000)(other)
            .map(Duration::from_millis)
            .map(Durability::Interval),
    }
}

/// Origins, separated by commas; one that is left empty does not count.
pub(super) fn public_origins(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(public_origin)
        .collect()
}

/// An origin as browsers write it: lower case, without the scheme's usual port.
fn public_origin(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    let (scheme, host) = origin.split_once("://")?;
    let usual_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = host.strip_suffix(usual_port).unwrap_or(host);
    let good = !host.is_empty() && host.is_ascii() && !host.contains(['/', '?', '#', '@', ' ']);
    good.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_origins_are_as_browsers_write_them() {
        for (given, known) in [
            ("https://Chat.example.com:443", "https://chat.example.com"),
            ("http://chat.example.com:80", "http://chat.example.com"),
            ("http://chat.example.com:443", "http://chat.example.com:443"),
        ] {
            assert_eq!(public_origins(given).unwrap(), [known]);
        }
        for given in [
            "https://",
            "https://채팅.example",
            "https://a/b",
            "ftp://a",
            "a.example",
        ] {
            assert_eq!(public_origins(given), None, "{given}");
        }
        assert_eq!(
            public_origins("https://a.example, https://b.example,").unwrap(),
            ["https://a.example", "https://b.example"]
        );
        assert_eq!(public_origins("https://a.example,b.example"), None);
    }

    #[test]
    fn brokers_have_a_host_and_a_port() {
        for given in [
            "a:9092",
            "a:1, b:2",
            "a",
            "[::1]:9092",
            "SASL_SSL://a.example:9093",
        ] {
            assert_eq!(brokers(given).as_deref(), Some(given));
        }
        for given in [
            "a:port",
            "a:9092,",
            ":9092",
            "http://a/b:1",
            "a:99999",
            "a b:1",
        ] {
            assert_eq!(brokers(given), None, "{given}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let read = number::<i32>(1..=1000);
        assert_eq!(read("1000"), Some(1000));
        for given in ["0", "1001", "-1", "", "1.5", "99999999999"] {
            assert_eq!(read(given), None, "{given}");
        }
    }

    #[test]
    fn the_log_is_synced_always_never_or_now_and_then() {
        let interval = Durability::Interval(Duration::from_millis(250));
        assert_eq!(durability("250"), Some(interval));
        assert_eq!(durability("off"), Some(Durability::Off));
        for given in ["0", "60001", "sometimes", ""] {
            assert_eq!(durability(given), None, "{given}");
        }
    }
}
