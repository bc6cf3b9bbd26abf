//! Requests written byte by byte, where a test is about the bytes.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream, ToSocketAddrs},
};

use crate::{
    client::PATIENCE,
    target::{PASSWORD, USERNAME},
};

pub(crate) const METADATA: i16 = 3;
pub(crate) const SASL_HANDSHAKE: i16 = 17;
pub(crate) const API_VERSIONS: i16 = 18;
pub(crate) const SASL_AUTHENTICATE: i16 = 36;

/// Sends bytes and nothing after them, and returns what comes back before the other side closes.
pub(crate) fn exchange(address: impl ToSocketAddrs, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // Closed with bytes of ours unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection was not closed: {error}"),
    }
    answer
}

/// A request with the client id null: length, api key, version, correlation id 7, body.
pub(crate) fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let content = [
        &key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &7_i32.to_be_bytes(),
        &[0xff, 0xff],
        body,
    ]
    .concat();
    [
        &u32::try_from(content.len()).unwrap().to_be_bytes()[..],
        &content,
    ]
    .concat()
}

pub(crate) fn string(text: &str) -> Vec<u8> {
    [
        &u16::try_from(text.len()).unwrap().to_be_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

pub(crate) fn plain(password: &str) -> Vec<u8> {
    let token = format!("\0{USERNAME}\0{password}");
    [
        &u32::try_from(token.len()).unwrap().to_be_bytes()[..],
        token.as_bytes(),
    ]
    .concat()
}

pub(crate) fn handshake() -> Vec<u8> {
    request(SASL_HANDSHAKE, 1, &string("PLAIN"))
}

/// What a client sends to log in with SASL/PLAIN.
pub(crate) fn login() -> Vec<u8> {
    [handshake(), request(SASL_AUTHENTICATE, 0, &plain(PASSWORD))].concat()
}
