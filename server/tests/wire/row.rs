//! One row against the program.

use std::collections::HashMap;

use bytes::Bytes;
use bytestring::ByteString;
use stomp::{Decoder, Frame, Item, Limits, Version};

use crate::peer::{Heard, Peer};
use crate::support::Maru;
use crate::table::{Act, Form, Profile, Row, Step};
use crate::text;

/// What a run of a row knows.
struct Run<'a> {
    row: &'a Row,
    version: Version,
    maru: &'a Maru,
    peers: HashMap<char, Peer>,
    words: HashMap<String, String>,
    /// How the server answered the last `open`.
    answer: String,
}

/// Whether the row holds; if not, at which line, and what came instead.
pub(crate) async fn run(row: &Row, version: Version, maru: &Maru, own: &str) -> Result<(), String> {
    let words = [
        ("own", own),
        ("version", version.as_str()),
        ("host", &maru.address),
    ];
    let mut run = Run {
        row,
        version,
        maru,
        peers: HashMap::new(),
        words: words
            .map(|(name, word)| (name.to_owned(), word.to_owned()))
            .into(),
        answer: String::new(),
    };
    let mut steps = &row.steps[..];
    while let Some((step, rest)) = steps.split_first() {
        steps = rest;
        let outcome = if step.act == Act::Cut {
            let end = rest.iter().position(|step| step.act == Act::EndOfCut);
            let (repeated, rest) = rest.split_at(end.expect("> cut ends with >"));
            steps = &rest[1..];
            run.cut(*step, repeated).await
        } else {
            run.step(*step).await
        };
        outcome.map_err(|problem| format!("{}\n    {problem}", step.line))?;
    }
    Ok(())
}

impl Run<'_> {
    async fn step(&mut self, step: Step) -> Result<(), String> {
        match step.act {
            Act::Open | Act::Raw => {
                let headers = text::bytes(step.text, &self.words);
                let (peer, answer) = Peer::open(self.maru, str::from_utf8(&headers).unwrap()).await;
                self.answer = answer;
                self.peers.extend(peer.map(|peer| (step.peer, peer)));
                Ok(())
            }
            Act::Answer if self.answer == step.text => Ok(()),
            Act::Answer => Err(format!("the answer is {}", self.answer)),
            Act::Drop => {
                self.peers.remove(&step.peer);
                Ok(())
            }
            Act::Send(form) => {
                let bytes = text::bytes(step.text, &self.words);
                self.peer(step.peer).await?.send(&bytes, form).await;
                Ok(())
            }
            Act::Expect { binary, times } => {
                for _ in 0..times {
                    let heard = self.peer(step.peer).await?.hear().await?;
                    let told = format!("came: {}", heard.shown());
                    self.compare(step.text, binary, heard)
                        .map_err(|problem| format!("{problem}; {told}"))?;
                }
                Ok(())
            }
            Act::ExpectExactly => {
                let expected = Heard::Text(text::bytes(step.text, &self.words));
                let heard = self.peer(step.peer).await?.hear().await?;
                if heard == expected {
                    Ok(())
                } else {
                    Err(format!("came: {}", heard.shown()))
                }
            }
            Act::Close => {
                let peer = self.peer(step.peer).await?;
                match peer.hear().await? {
                    Heard::Close(how) if how == step.text && peer.is_over().await => Ok(()),
                    heard => Err(format!("came: {}", heard.shown())),
                }
            }
            Act::Cut | Act::EndOfCut => unreachable!("they were taken out before"),
        }
    }

    /// Sends bytes in two messages, cut at each place.
    async fn cut(&mut self, step: Step, repeated: &[Step]) -> Result<(), String> {
        let bytes = text::bytes(step.text, &self.words);
        for place in 0..=bytes.len() {
            let (before, after) = bytes.split_at(place);
            let peer = self.peer(step.peer).await?;
            peer.send(before, Form::Binary).await;
            peer.send(after, Form::Binary).await;
            for step in repeated {
                let outcome = self.step(*step).await;
                outcome.map_err(|problem| format!("cut at {place}: {problem}"))?;
            }
        }
        Ok(())
    }

    /// The peer of this name, logged in if it is new.
    async fn peer(&mut self, name: char) -> Result<&mut Peer, String> {
        if !self.peers.contains_key(&name) {
            let (peer, answer) = Peer::open(self.maru, "").await;
            let mut peer = peer.ok_or(answer)?;
            let login = match self.row.profile {
                Profile::Conformance => "login:guest\npasscode:guest".to_owned(),
                Profile::Chat => format!("login:{name}\npasscode:{}", self.words["own"]),
            };
            let connect = format!("CONNECT\naccept-version:{}\n{login}\n\n\0", self.version);
            peer.send(connect.as_bytes(), Form::Text).await;
            match peer.hear().await? {
                Heard::Text(text) if text.starts_with(b"CONNECTED\n") => {}
                other => return Err(format!("{name} cannot log in: {}", other.shown())),
            }
            self.peers.insert(name, peer);
        }
        self.peers
            .get_mut(&name)
            .ok_or_else(|| "no such peer".to_owned())
    }

    /// Whether this is the frame that is expected; catches what it is to catch.
    fn compare(&mut self, expected: &str, binary: bool, heard: Heard) -> Result<(), String> {
        let bytes = match heard {
            Heard::Text(bytes) if !binary => bytes,
            Heard::Binary(bytes) if binary => bytes,
            _ => return Err("not such a message".to_owned()),
        };
        let length = content_length(&bytes);
        let frame = self.only_frame(bytes)?;
        let (top, body) = match expected.split_once("␊␊") {
            Some((top, body)) => (top, Some(body)),
            None => (expected, None),
        };
        let mut lines = top.split('␊');
        if lines.next() != Some(frame.command.as_str()) {
            return Err("another command".to_owned());
        }
        for line in lines {
            if let Some(name) = line.strip_prefix('!') {
                if frame.header(name).is_some() {
                    return Err(format!("it has {name}"));
                }
                continue;
            }
            let (name, pattern) = line.split_once(':').expect("name:value");
            let name = String::from_utf8(text::bytes(name, &self.words)).unwrap();
            let value = match &*name {
                // The decoder keeps it to itself.
                "content-length" => length.as_ref(),
                name => frame.header(name),
            };
            let value = value.ok_or_else(|| format!("it has no {name}"))?;
            if let Some(word) = pattern.strip_prefix("{=") {
                self.words
                    .insert(word.trim_end_matches('}').to_owned(), value.to_string());
            } else if !self.fits(pattern, value.as_bytes()) {
                return Err(format!("{name} is {value:?}"));
            }
        }
        match body {
            Some(body) if !self.fits(body, &frame.body) => Err("another body".to_owned()),
            _ => Ok(()),
        }
    }

    fn fits(&self, pattern: &str, value: &[u8]) -> bool {
        match pattern.strip_suffix('*') {
            Some(start) => value.starts_with(&text::bytes(start, &self.words)),
            None => value == text::bytes(pattern, &self.words),
        }
    }

    /// The frame in a message, which holds nothing else (checklist item 83).
    fn only_frame(&self, bytes: Vec<u8>) -> Result<Frame, String> {
        let whole = bytes.last() == Some(&0);
        let mut decoder = Decoder::new(Limits {
            headers: 200,
            header_line: 8 << 20,
            body: 8 << 20,
            frame: 8 << 20,
            ..Limits::default()
        });
        decoder.set_version(self.version);
        decoder.push(Bytes::from(bytes));
        match (decoder.next(), decoder.next()) {
            (Ok(Some(Item::Frame(frame))), Ok(None)) if whole && decoder.held() == 0 => Ok(frame),
            other => Err(format!("not one frame alone: {other:?}")),
        }
    }
}

/// What a frame says of its length.
fn content_length(bytes: &[u8]) -> Option<ByteString> {
    let text = String::from_utf8_lossy(bytes);
    let mut head = text.lines().take_while(|line| !line.is_empty());
    head.find_map(|line| line.strip_prefix("content-length:").map(ByteString::from))
}
