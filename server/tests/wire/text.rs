//! How bytes are written in a row.
//!
//! `␊`, `␍` and `␀` are LF, CR and NUL. `‹ff›` is the octet with this hexadecimal number, `‹xy*3›` is `xyxyxy`, and in
//! `‹h#:x␊*3›` the `#` counts from 0. `{own}` is a word of this run of the row alone, for destinations; `{version}` is
//! the session's version, `{host}` the server's address, and `{name}` what an earlier line has caught under this name.

use std::collections::HashMap;

/// The bytes that a text stands for.
pub(crate) fn bytes(text: &str, words: &HashMap<String, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '␊' | '␍' | '␀' => {
                bytes.push(match character {
                    '␊' => b'\n',
                    '␍' => b'\r',
                    _ => 0,
                });
                after
            }
            '‹' => {
                let (inside, after) = after.split_once('›').expect("‹ has its ›");
                match inside.rsplit_once('*') {
                    Some((unit, count)) => {
                        for number in 0..count.parse().expect("a count after *") {
                            let unit = unit.replace('#', &number.to_string());
                            bytes.extend(self::bytes(&unit, words));
                        }
                    }
                    None => bytes.push(u8::from_str_radix(inside, 16).expect("an octet in ‹›")),
                }
                after
            }
            '{' => {
                let (name, after) = after.split_once('}').expect("{ has its }");
                let word = words
                    .get(name)
                    .unwrap_or_else(|| panic!("nothing is called {{{name}}}: {text}"));
                bytes.extend_from_slice(word.as_bytes());
                after
            }
            _ => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                after
            }
        };
    }
    bytes
}

/// Bytes as they would be written in a row.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().take(600).collect();
    for (raw, sign) in [('\n', "␊"), ('\r', "␍"), ('\0', "␀")] {
        shown = shown.replace(raw, sign);
    }
    shown
}
