//! The secrets of a server or a cluster: one file, readable by its owner only.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

const HEADING: &str = "\
# Maru's keys. Whoever can read this file can sign in as anybody: keep it secret, and give every server of a cluster the same file.
# To renew the cookie key, put a new `cookie` line first and keep the old one until nobody needs it any more.
";

/// The keys that one file holds.
pub struct Keys {
    cookies: Vec<cookie::Key>,
    guests: [u8; 32],
    log: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file can be neither read nor made.
    #[error("cannot read or make the keys file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not of the form that Maru writes.
    #[error(
        "the keys file {path} is damaged at line {line}: {problem}; restore it, or move it away to get new keys (people then choose their nicknames again)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl Keys {
    /// Reads the keys, making the file first if there is none. Servers that start together agree on one file.
    pub fn load_or_create(path: &Path) -> Result<Self, KeysError> {
        let file_error = |source| KeysError::File {
            path: path.to_owned(),
            source,
        };
        if !path.try_exists().map_err(file_error)? {
            create(path)?;
        }
        let text = std::fs::read_to_string(path).map_err(file_error)?;
        Self::parse(&text).map_err(|(line, problem)| KeysError::Damaged {
            path: path.to_owned(),
            line,
            problem,
        })
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let (mut cookies, mut guests, mut log) = (Vec::new(), None, None);
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (kind, secret) = line
                .split_once(' ')
                .ok_or((number, "expected a kind of key, a space and the key"))?;
            let bytes = STANDARD
                .decode(secret.trim())
                .map_err(|_| (number, "the key is not base64"))?;
            match kind {
                "cookie" => {
                    cookies.push(
                        cookie::Key::try_from(&bytes[..])
                            .map_err(|_| (number, "a cookie key has 64 bytes"))?,
                    );
                }
                "guests" => {
                    guests = Some(
                        bytes
                            .try_into()
                            .map_err(|_| (number, "the guests key has 32 bytes"))?,
                    );
                }
                "log" => log = Some(secret.trim().to_owned()),
                _ => return Err((number, "expected cookie, guests or log")),
            }
        }
        if cookies.is_empty() {
            return Err((0, "it has no cookie key"));
        }
        let guests = guests.ok_or((0, "it has no guests key"))?;
        let log = log.ok_or((0, "it has no log key"))?;
        Ok(Self {
            cookies,
            guests,
            log,
        })
    }

    /// Keys for cookies: the first signs, all verify.
    pub fn cookies(&self) -> &[cookie::Key] {
        &self.cookies
    }

    /// The password of the embedded log.
    pub fn log_password(&self) -> &str {
        &self.log
    }

    /// The id of a program that gave this login and passcode: the same on every connection and every server (decision 23).
    pub fn guest_uid(&self, login: &str, passcode: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.guests).expect("a key of any length");
        mac.update(&(login.len() as u64).to_be_bytes());
        mac.update(login.as_bytes());
        mac.update(passcode.as_bytes());
        uid_text(&mac.finalize().into_bytes()[..16])
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keys")
            .field("cookies", &self.cookies.len())
            .finish_non_exhaustive()
    }
}

/// A new person's id: 128 random bits.
pub fn random_uid() -> Result<String, getrandom::Error> {
    Ok(uid_text(&random::<16>()?))
}

fn uid_text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn create(path: &Path) -> Result<(), KeysError> {
    let secret = |bytes: &[u8]| STANDARD.encode(bytes);
    let text = format!(
        "{HEADING}cookie {}\nguests {}\nlog {}\n",
        secret(&random::<64>().map_err(KeysError::Random)?),
        secret(&random::<32>().map_err(KeysError::Random)?),
        secret(&random::<32>().map_err(KeysError::Random)?),
    );
    // Not the process's number: servers in containers share it as readily as the directory.
    let name = u64::from_ne_bytes(random().map_err(KeysError::Random)?);
    let draft = path.with_extension(format!("draft-{name:016x}"));
    write_once(path, &draft, &text).map_err(|source| KeysError::File {
        path: path.to_owned(),
        source,
    })
}

/// Writes the whole file, or leaves the one that another server made in the meantime: a link never replaces a file.
fn write_once(path: &Path, draft: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(draft, path);
    std::fs::remove_file(draft)?;
    // The file's name has to survive a power loss as well as its bytes.
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::File::open(directory)?.sync_all()?;
    }
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/keys");
        let first = Keys::load_or_create(&path).unwrap();
        let second = Keys::load_or_create(&path).unwrap();
        assert_eq!(first.log_password(), second.log_password());
        assert_eq!(
            first.guest_uid("bot", "secret"),
            second.guest_uid("bot", "secret")
        );
        assert_ne!(
            first.guest_uid("bot", "secret"),
            first.guest_uid("bots", "ecret")
        );
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn servers_that_start_together_agree_on_one_file() {
        const SERVERS: usize = 16;
        for _ in 0..8 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("new/keys");
            let start = std::sync::Barrier::new(SERVERS);
            let passwords: Vec<String> = std::thread::scope(|scope| {
                let load = || {
                    start.wait();
                    let keys = Keys::load_or_create(&path).unwrap();
                    keys.log_password().to_owned()
                };
                let servers: Vec<_> = (0..SERVERS).map(|_| scope.spawn(load)).collect();
                let loaded = servers.into_iter().map(|server| server.join().unwrap());
                loaded.collect()
            });
            assert!(
                passwords.iter().all(|password| *password == passwords[0]),
                "{passwords:?}"
            );
            let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
            assert_eq!(left, 1, "no draft is left");
        }
    }

    #[cfg(unix)]
    #[test]
    fn readable_by_the_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        Keys::load_or_create(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_damaged_file_is_named_with_the_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, "# heading\ncookie short\n").unwrap();
        let error = Keys::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        std::fs::write(&path, "").unwrap();
        assert!(
            Keys::load_or_create(&path)
                .unwrap_err()
                .to_string()
                .contains("no cookie key")
        );
    }
}
