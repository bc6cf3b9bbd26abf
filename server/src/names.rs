//! Names that people type: rooms and nicknames, brought into one spelling.

mod likeness;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use protocol::RoomName;
use protocol::limits;
use protocol::room::RoomNameError;
use unicode_segmentation::UnicodeSegmentation as _;

/// The one spelling of a room's name: composed (NFC), case-folded, without surrounding blanks (decision 21).
pub fn room_name(typed: &str) -> Result<RoomName, RoomNameError> {
    let normalizer = ComposingNormalizer::new_nfc();
    let folded = CaseMapper::new()
        .fold_string(&normalizer.normalize(typed.trim()))
        .into_owned();
    let spelled = normalizer.normalize(&folded);
    match spelled.chars().find(|letter| !is_room_letter(*letter)) {
        Some(other) => Err(RoomNameError::Character(other)),
        None => spelled.parse(),
    }
}

/// Whether this name is spelled as [`room_name`] spells it: no other name is a room's.
pub fn is_canonical(room: &RoomName) -> bool {
    room_name(room.as_str()).is_ok_and(|spelled| spelled == *room)
}

/// Letters with their marks, and digits, of every script. Hangul fillers count as letters and show nothing.
fn is_room_letter(letter: char) -> bool {
    let word = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Number);
    let category = CodePointMapData::<GeneralCategory>::new().get(letter);
    letter == '-' || (word.contains(category) && !is_invisible(letter))
}

/// Why a text is no nickname.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NicknameError {
    /// Nothing to see.
    #[error("a nickname has at least one visible character")]
    Empty,
    /// More than [`limits::NICKNAME_GRAPHEMES`].
    #[error("a nickname has at most 20 characters")]
    TooLong,
    /// A control character, or one that is invisible or turns the writing direction.
    #[error("a nickname has no control or invisible characters")]
    Invisible,
    /// A name of the house, or one that looks like it.
    #[error("this nickname could be taken for the server's operators; choose another")]
    Reserved,
    /// Letters of scripts that do not go together.
    #[error("a nickname does not mix alphabets that look alike, such as Latin and Cyrillic")]
    Mixed,
}

/// A nickname as it is shown: composed (NFC), blanks collapsed.
pub fn nickname(typed: &str) -> Result<String, NicknameError> {
    let composed = ComposingNormalizer::new_nfc().normalize(typed).into_owned();
    let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.chars().any(is_invisible) {
        return Err(NicknameError::Invisible);
    }
    if !name.chars().any(|letter| !letter.is_whitespace()) {
        return Err(NicknameError::Empty);
    }
    // The bytes are bounded, too: one grapheme cluster may hold any number of combining marks.
    if name.graphemes(true).count() > limits::NICKNAME_GRAPHEMES
        || name.len() > 16 * limits::NICKNAME_GRAPHEMES
    {
        return Err(NicknameError::TooLong);
    }
    if likeness::is_reserved(&name) {
        return Err(NicknameError::Reserved);
    }
    if likeness::is_mixed(&name) {
        return Err(NicknameError::Mixed);
    }
    Ok(name)
}

/// Controls, writing-direction marks, zero-width spaces, fillers. Joiners stay allowed: emoji and several scripts need them.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e001f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_room() {
        for (typed, name) in [
            (" General ", "general"),
            ("자유게시판", "자유게시판"),
            ("\u{110c}\u{1161}\u{110b}\u{1172}", "자유"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ] {
            assert_eq!(room_name(typed).unwrap().as_str(), name, "{typed}");
        }
        for name in ["สวัสดี", "नमस्ते", "தமிழ்", "i\u{307}stanbul"]
        {
            assert_eq!(room_name(name).unwrap().as_str(), name);
        }
        for name in [
            "a b",
            "a.b",
            "a/b",
            "♥",
            "a\u{200b}b",
            "\u{3164}",
            "🎉",
            "a_b",
        ] {
            assert!(room_name(name).is_err(), "{name}");
        }
        assert!(room_name("  ").is_err());
    }

    #[test]
    fn a_room_name_is_its_own_spelling() {
        for typed in ["General", "자유게시판", "İstanbul", "ǅ", "ﬁn", "ΐ"] {
            let once = room_name(typed).unwrap();
            assert!(is_canonical(&once), "{typed}");
        }
    }

    #[test]
    fn nicknames() {
        assert_eq!(nickname("  김  지우 ").unwrap(), "김 지우");
        assert_eq!(nickname("👩‍👩‍👧").unwrap(), "👩‍👩‍👧");
        assert!(nickname(&"가".repeat(20)).is_ok());
        assert_eq!(nickname(&"가".repeat(21)), Err(NicknameError::TooLong));
        assert_eq!(
            nickname(&format!("a{}", "\u{301}".repeat(1_000))),
            Err(NicknameError::TooLong)
        );
        for hidden in ["a\u{202e}b", "\u{200b}", "a\u{7}", "\u{3164}", "a\u{feff}"] {
            assert_eq!(
                nickname(hidden),
                Err(NicknameError::Invisible),
                "{hidden:?}"
            );
        }
        assert_eq!(nickname(" \t "), Err(NicknameError::Empty));
        assert_eq!(nickname(" Аdmin "), Err(NicknameError::Reserved));
        assert_eq!(nickname("pаypal"), Err(NicknameError::Mixed));
    }
}
