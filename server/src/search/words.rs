//! Texts into what the index holds, and queries into what it is asked: overlapping pairs of letters, so that a part of a Korean
//! word is found without knowing where its particle begins (decision 28).

use std::fmt::Write as _;
use std::ops::Range;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use protocol::search::Piece;

/// Longest query in characters.
const QUERY_CHARS: usize = 100;
/// Most words of a query; further ones are passed over.
const WORDS: usize = 8;
/// How much of a text is shown before what was found, and in all, in characters.
const BEFORE: usize = 40;
const EXCERPT: usize = 160;

/// What is looked for: each word has to be in the text, as a whole or as a part of a longer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    words: Vec<Vec<char>>,
}

impl Query {
    /// Reads what somebody typed; `None` if no letter or digit is in it.
    pub fn of(typed: &str) -> Option<Self> {
        let typed: String = typed.chars().take(QUERY_CHARS).collect();
        let letters: Vec<char> = letters(&typed).into_iter().map(fold).collect();
        let words: Vec<_> = runs(&letters)
            .take(WORDS)
            .map(|run| letters[run].to_vec())
            .collect();
        (!words.is_empty()).then_some(Self { words })
    }

    /// The query in FTS5's language. Words have letters and digits only, so nothing in them means anything there.
    pub(super) fn expression(&self) -> String {
        let words = self.words.iter().map(|word| match word[..] {
            // Pairs begin with every letter but the last of a word, which stands alone.
            [letter] => format!("\"{letter}\" *"),
            _ => format!("\"{}\"", pairs(word).collect::<Vec<_>>().join(" ")),
        });
        format!("text : ({})", words.collect::<Vec<_>>().join(" AND "))
    }

    /// The text around what is looked for, or `None` if not every word is there.
    pub(super) fn excerpt(&self, text: &str) -> Option<Vec<Piece>> {
        let letters = letters(text);
        let folded: Vec<char> = letters.iter().copied().map(fold).collect();
        let mut found = vec![false; letters.len()];
        for word in &self.words {
            let mut anywhere = false;
            for start in 0..(folded.len() + 1).saturating_sub(word.len()) {
                if folded[start..].starts_with(word) {
                    anywhere = true;
                    found[start..start + word.len()].fill(true);
                }
            }
            if !anywhere {
                return None;
            }
        }
        let first = found.iter().position(|found| *found)?;
        let begin = first.saturating_sub(BEFORE);
        let end = letters.len().min(begin + EXCERPT);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |letter: char, found: bool| match pieces.last_mut() {
            Some(piece) if piece.found == found => piece.text.push(letter),
            _ => pieces.push(Piece {
                text: letter.to_string(),
                found,
            }),
        };
        if begin > 0 {
            push('…', false);
        }
        for (letter, found) in letters[begin..end].iter().zip(&found[begin..end]) {
            push(if letter.is_control() { ' ' } else { *letter }, *found);
        }
        if end < letters.len() {
            push('…', false);
        }
        Some(pieces)
    }
}

/// The terms that the index has for a text, separated by blanks.
pub(super) fn terms(text: &str) -> String {
    let letters: Vec<char> = letters(text).into_iter().map(fold).collect();
    let mut terms = String::with_capacity(text.len() * 3);
    for run in runs(&letters) {
        let word = &letters[run];
        for pair in pairs(word) {
            terms.push_str(&pair);
            terms.push(' ');
        }
        if let Some(last) = word.last() {
            // Writing to a text cannot fail.
            let _ = write!(terms, "{last} ");
        }
    }
    terms
}

/// The characters of a text in composed form (NFC).
fn letters(text: &str) -> Vec<char> {
    ComposingNormalizer::new_nfc()
        .normalize(text)
        .chars()
        .collect()
}

/// A character without its case: always one, so that places in a text stay what they are.
fn fold(letter: char) -> char {
    CaseMapper::new().simple_fold(letter)
}

/// Where words stand: letters with their marks, and digits.
fn runs(letters: &[char]) -> impl Iterator<Item = Range<usize>> {
    let word = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Number);
    let categories = CodePointMapData::<GeneralCategory>::new();
    let mut from = 0;
    std::iter::from_fn(move || {
        let is_word = |letter: &char| word.contains(categories.get(*letter));
        let start = from + letters[from..].iter().position(is_word)?;
        let length = letters[start..].iter().position(|letter| !is_word(letter));
        from = length.map_or(letters.len(), |length| start + length);
        Some(start..from)
    })
}

fn pairs(word: &[char]) -> impl Iterator<Item = String> {
    word.windows(2).map(|pair| pair.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, text: &str) -> Option<String> {
        let pieces = Query::of(query).unwrap().excerpt(text)?;
        let pieces = pieces.iter().map(|piece| {
            if piece.found {
                format!("[{}]", piece.text)
            } else {
                piece.text.clone()
            }
        });
        Some(pieces.collect())
    }

    #[test]
    fn texts_become_overlapping_pairs() {
        assert_eq!(terms("안녕하세요, Bob!"), "안녕 녕하 하세 세요 요 bo ob b ");
        assert_eq!(terms("\u{1100}\u{1161}나"), "가나 나 ", "composed");
        assert_eq!(terms("👍 \" * :"), "");
    }

    #[test]
    fn queries_have_nothing_but_words() {
        let expression = |typed: &str| Query::of(typed).map(|query| query.expression());
        assert_eq!(
            expression("안녕하 세"),
            Some("text : (\"안녕 녕하\" AND \"세\" *)".to_owned())
        );
        assert_eq!(
            expression("OR \"x\" room:r1*"),
            Some("text : (\"or\" AND \"x\" * AND \"ro oo om\" AND \"r1\")".to_owned())
        );
        assert_eq!(expression(" \"*👍 "), None);
    }

    #[test]
    fn what_was_found_is_marked_as_it_was_written() {
        assert_eq!(marked("녕하", "안녕하세요").unwrap(), "안[녕하]세요");
        assert_eq!(marked("bob 하", "Bob은 하하").unwrap(), "[Bob]은 [하하]");
        assert_eq!(marked("bob 없", "Bob은 하하"), None);
        let long = format!("{}찾았다{}", "가".repeat(100), "나".repeat(300));
        let found = marked("찾았다", &long).unwrap();
        assert!(found.starts_with("…가") && found.contains("가[찾았다]나") && found.ends_with('…'));
        assert_eq!(found.chars().count(), EXCERPT + 4);
    }
}
