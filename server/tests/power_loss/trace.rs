//! What strace wrote down, as calls; and whether an answer left before its record was synced. Pure.

use std::collections::{BTreeSet, HashMap};

/// A system call that came to its end, or that the end of the program cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The line on which it begins.
    pub(crate) begin: usize,
    /// The line on which it has returned.
    pub(crate) end: usize,
    pub(crate) kind: Kind,
}

/// What a call did. Paths are those of the files at that time; a socket is named by its two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create(String),
    Directory(String),
    Write {
        path: String,
        offset: Option<usize>,
        data: Vec<u8>,
    },
    Truncate {
        path: String,
        length: usize,
    },
    Sync(String),
    Link {
        from: String,
        to: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink(String),
    Send {
        socket: String,
        data: Vec<u8>,
    },
    Receive {
        socket: String,
        data: Vec<u8>,
    },
}

/// Reads a trace made with `strace -f -yy -xx`.
pub(crate) fn read(trace: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((pid, text)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let text = text.trim_start();
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            begun.insert(pid, (number, first));
        } else if let Some((_, rest)) = text
            .strip_prefix("<... ")
            .and_then(|text| text.split_once(" resumed>"))
        {
            if let Some((begin, first)) = begun.remove(pid) {
                calls.extend(call(begin, number, &format!("{first}{rest}")));
            }
        } else {
            calls.extend(call(number, number, text));
        }
    }
    // What was under way at the end may have been done in part.
    calls.extend(
        begun.values().filter_map(|(begin, first)| {
            call(*begin, usize::MAX, &format!("{first}) = 1000000000"))
        }),
    );
    calls.sort_by_key(|call| call.begin);
    calls
}

fn call(begin: usize, end: usize, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let digits: String = result.chars().take_while(char::is_ascii_digit).collect();
    let result: usize = digits.parse().ok()?;
    let (texts, outside) = literals(arguments);
    let text = |number: usize| {
        texts
            .get(number)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let data = || {
        let mut data = texts.concat();
        data.truncate(result);
        data
    };
    let last_number = || {
        outside
            .trim_end_matches([')', ' '])
            .rsplit(", ")
            .next()?
            .parse()
            .ok()
    };
    let (named, socket) = descriptor(arguments);
    let kind = match name {
        "openat" if arguments.contains("O_CREAT") => Kind::Create(text(0)?),
        "mkdir" => Kind::Directory(text(0)?),
        "pwrite64" => Kind::Write {
            path: named?,
            offset: Some(last_number()?),
            data: data(),
        },
        "write" if named.is_some() => Kind::Write {
            path: named?,
            offset: None,
            data: data(),
        },
        "ftruncate" => Kind::Truncate {
            path: named?,
            length: last_number()?,
        },
        "fsync" | "fdatasync" => Kind::Sync(named?),
        "link" | "linkat" => Kind::Link {
            from: text(0)?,
            to: text(1)?,
        },
        "rename" | "renameat" | "renameat2" => Kind::Rename {
            from: text(0)?,
            to: text(1)?,
        },
        "unlink" | "unlinkat" => Kind::Unlink(text(0)?),
        "sendto" | "sendmsg" | "writev" | "write" => Kind::Send {
            socket: socket?,
            data: data(),
        },
        "recvfrom" | "read" => Kind::Receive {
            socket: socket?,
            data: data(),
        },
        _ => return None,
    };
    Some(Call { begin, end, kind })
}

/// The file or the socket that the first argument is.
fn descriptor(arguments: &str) -> (Option<String>, Option<String>) {
    let Some((_, rest)) = arguments
        .split_once('<')
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
    else {
        return (None, None);
    };
    if rest.starts_with("TCP") {
        return (
            None,
            rest.split_once(']').map(|(socket, _)| socket.to_owned()),
        );
    }
    let Some((path, _)) = rest.split_once('>') else {
        return (None, None);
    };
    let path = String::from_utf8_lossy(&unescaped(path)).into_owned();
    (path.starts_with('/').then_some(path), None)
}

/// The quoted arguments, and what stands around them.
fn literals(arguments: &str) -> (Vec<Vec<u8>>, String) {
    let parts: Vec<&str> = arguments.split('"').collect();
    let texts = parts
        .iter()
        .skip(1)
        .step_by(2)
        .map(|text| unescaped(text))
        .collect();
    let outside = parts.iter().step_by(2).copied().collect();
    (texts, outside)
}

fn unescaped(text: &str) -> Vec<u8> {
    match text.strip_prefix("\\x") {
        Some(text) => text
            .split("\\x")
            .filter_map(|byte| u8::from_str_radix(byte, 16).ok())
            .collect(),
        None => text.as_bytes().to_vec(),
    }
}

/// The messages whose RECEIPT had begun to leave, each with the line on which it did.
pub(crate) fn receipts(calls: &[Call]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for call in calls {
        if let Kind::Send { data, .. } = &call.kind {
            found.extend(
                names(data, b"receipt-id:m")
                    .into_iter()
                    .map(|name| (name, call.begin)),
            );
        }
    }
    found
}

/// Answers that left before the sync of what they acknowledge had returned.
pub(crate) fn violations(calls: &[Call]) -> Vec<String> {
    let synced = synced(calls);
    let early = |name: &String, at: usize| synced.get(name).is_none_or(|line| *line >= at);
    let receipts = receipts(calls)
        .into_iter()
        .filter(|(name, at)| early(name, *at));
    let mut found: Vec<String> = receipts
        .map(|(name, at)| format!("the RECEIPT of {name} left on line {at}"))
        .collect();
    for (names, at) in produced(calls) {
        let names = names.into_iter().filter(|name| early(name, at));
        found.extend(names.map(|name| format!("the log acknowledged {name} on line {at}")));
    }
    found
}

/// The line on which the first sync has returned that began after a message was written to the log.
fn synced(calls: &[Call]) -> HashMap<String, usize> {
    let mut synced = HashMap::new();
    for call in calls {
        let Kind::Write { path, data, .. } = &call.kind else {
            continue;
        };
        if !path.ends_with("/log.sqlite-wal") {
            continue;
        }
        let sync = calls
            .iter()
            .filter(|sync| sync.begin > call.end && sync.kind == Kind::Sync(path.clone()));
        let Some(returned) = sync.map(|sync| sync.end).min() else {
            continue;
        };
        for name in names(data, b"\"id\":\"m") {
            let line = synced.entry(name).or_insert(returned);
            *line = returned.min(*line);
        }
    }
    synced
}

/// The messages of every Produce request of the Kafka protocol, and the line on which its answer began to leave.
fn produced(calls: &[Call]) -> Vec<(BTreeSet<String>, usize)> {
    let mut received: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut waiting: HashMap<(&str, [u8; 4]), BTreeSet<String>> = HashMap::new();
    let mut found = Vec::new();
    let mut by_end: Vec<&Call> = calls.iter().collect();
    // A request counts when it has arrived, an answer when it begins to leave.
    by_end.sort_by_key(|call| {
        if matches!(call.kind, Kind::Receive { .. }) {
            call.end
        } else {
            call.begin
        }
    });
    for call in by_end {
        match &call.kind {
            Kind::Receive { socket, data } => {
                let stream = received.entry(socket).or_default();
                stream.extend(data);
                while let Some(request) = take_frame(stream) {
                    if request.len() > 8 && request[..2] == [0, 0] {
                        let correlation = [request[4], request[5], request[6], request[7]];
                        waiting.insert((socket, correlation), names(&request, b"\"id\":\"m"));
                    }
                }
            }
            // Answers are written whole.
            Kind::Send { socket, data } if data.len() > 8 => {
                let correlation = [data[4], data[5], data[6], data[7]];
                found.extend(
                    waiting
                        .remove(&(socket.as_str(), correlation))
                        .map(|names| (names, call.begin)),
                );
            }
            _ => {}
        }
    }
    found
}

/// A frame with its length before it, if it is whole. Bytes that are none, as of HTTP, never are.
fn take_frame(stream: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_be_bytes(stream.get(..4)?.try_into().ok()?)).ok()?;
    let frame = stream.get(4..4 + length)?.to_vec();
    stream.drain(..4 + length);
    Some(frame)
}

/// The names `mN` that follow a word.
fn names(data: &[u8], word: &[u8]) -> BTreeSet<String> {
    let found = data
        .windows(word.len())
        .enumerate()
        .filter(|(_, window)| *window == word);
    let name = |(at, _): (usize, &[u8])| {
        let digits = data[at + word.len()..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        format!(
            "m{}",
            digits.map(|byte| char::from(*byte)).collect::<String>()
        )
    };
    found.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAL: &str = "/d/log.sqlite-wal";

    fn at(begin: usize, end: usize, kind: Kind) -> Call {
        Call { begin, end, kind }
    }

    fn write(begin: usize, end: usize) -> Call {
        at(
            begin,
            end,
            Kind::Write {
                path: WAL.to_owned(),
                offset: Some(0),
                data: b"{\"id\":\"m7\"}".to_vec(),
            },
        )
    }

    fn sync(begin: usize, end: usize) -> Call {
        at(begin, end, Kind::Sync(WAL.to_owned()))
    }

    fn receipt(begin: usize) -> Call {
        at(
            begin,
            begin,
            Kind::Send {
                socket: "TCP:[a->b".to_owned(),
                data: b"RECEIPT\nreceipt-id:m7\n\n".to_vec(),
            },
        )
    }

    #[test]
    fn an_answer_has_to_wait_for_a_sync_that_began_after_the_write_and_has_returned() {
        assert!(violations(&[write(1, 2), sync(3, 4), receipt(5)]).is_empty());
        assert_eq!(violations(&[write(1, 2), receipt(5)]).len(), 1, "no sync");
        assert_eq!(
            violations(&[write(1, 2), sync(3, 6), receipt(5)]).len(),
            1,
            "it had not returned"
        );
        assert_eq!(
            violations(&[write(1, 3), sync(2, 4), receipt(5)]).len(),
            1,
            "it began before"
        );
        let elsewhere = at(3, 4, Kind::Sync("/d/history.db-wal".to_owned()));
        assert_eq!(
            violations(&[write(1, 2), elsewhere, receipt(5)]).len(),
            1,
            "another file"
        );
    }

    #[test]
    fn the_answer_to_a_produce_request_waits_too() {
        let socket = || "TCP:[l->c".to_owned();
        let mut request = vec![0, 0, 0, 9, 0, 5, 6, 7];
        request.extend(b"{\"id\":\"m7\"}");
        let mut frame = u32::try_from(request.len()).unwrap().to_be_bytes().to_vec();
        frame.extend(request);
        let (one, two) = frame.split_at(9);
        let receive = |line, data: &[u8]| {
            at(
                line,
                line,
                Kind::Receive {
                    socket: socket(),
                    data: data.to_vec(),
                },
            )
        };
        let answer = |line| {
            at(
                line,
                line,
                Kind::Send {
                    socket: socket(),
                    data: vec![0, 0, 0, 5, 0, 5, 6, 7, 0],
                },
            )
        };
        assert!(
            violations(&[
                receive(0, one),
                receive(1, two),
                write(2, 3),
                sync(4, 5),
                answer(6)
            ])
            .is_empty()
        );
        assert_eq!(
            violations(&[
                receive(0, one),
                receive(1, two),
                write(2, 3),
                sync(4, 7),
                answer(6)
            ])
            .len(),
            1
        );
    }

    #[test]
    fn lines_become_calls() {
        let trace = "7 pwrite64(14<\\x2f\\x61>, \"\\x01\\x02\", 2, 4096 <unfinished ...>\n8 fsync(14<\\x2f\\x61>) = 0\n7 <... pwrite64 resumed>) = 2\n9 fsync(3<\\x2f\\x62>) = -1 EIO (Input/output error)\n";
        let data = vec![1, 2];
        let expected = [
            at(
                0,
                2,
                Kind::Write {
                    path: "/a".to_owned(),
                    offset: Some(4096),
                    data,
                },
            ),
            at(1, 1, Kind::Sync("/a".to_owned())),
        ];
        assert_eq!(read(trace), expected);
    }
}
