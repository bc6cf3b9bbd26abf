//! Whether a text mentions somebody: the same on the server, which counts, and in the browser, which highlights.

use crate::limits;

/// What Korean puts after a name without a blank, before another word begins.
const TITLES: [&str; 2] = ["님", "씨"];
const PARTICLES: [&str; 25] = [
    "이랑", "에게", "한테", "께서", "부터", "까지", "처럼", "보다", "하고", "이가", "이는", "이를",
    "이야", "아", "야", "이", "가", "은", "는", "을", "를", "의", "와", "과", "도",
];

/// Whether the text has `@` and then the name as a word, in any case. Both are composed (NFC).
///
/// The name ends where letters and digits end, or where Korean puts a title or a particle after it: `@지우님이` mentions 지우,
/// `@지우개` does not. Only the first [`limits::MENTIONS`] `@` are looked at: every message
/// is asked for everybody who has read its room.
pub fn mentions(text: &str, name: &str) -> bool {
    let mut places = text.match_indices('@').take(limits::MENTIONS);
    places.any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(char::is_alphanumeric) && named(&text[at + 1..], name).is_some()
    })
}

/// How many bytes of the text behind an `@` are this name; none where it is another word.
pub fn named(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.chars();
    // Nothing is allocated, and most names end at their first letter.
    let same = name
        .chars()
        .all(|letter| rest.next().is_some_and(|found| alike(found, letter)));
    let rest = rest.as_str();
    (same && !name.is_empty() && is_end_of_name(rest)).then_some(text.len() - rest.len())
}

/// Whether two letters differ in their case at most.
fn alike(one: char, other: char) -> bool {
    // Σ has two small forms.
    let small = |letter| match letter {
        'ς' => 'σ',
        letter => letter,
    };
    one == other || small(one).to_lowercase().eq(small(other).to_lowercase())
}

fn is_end_of_name(rest: &str) -> bool {
    let untitled = TITLES.iter().find_map(|title| rest.strip_prefix(title));
    [Some(rest), untitled].into_iter().flatten().any(|rest| {
        let bare = PARTICLES.iter().filter_map(|word| rest.strip_prefix(word));
        bare.chain([rest])
            .any(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_mentioned_as_a_word() {
        for (text, name, mentioned) in [
            ("@지우", "지우", true),
            ("안녕 @지우!", "지우", true),
            ("(@지우)", "지우", true),
            ("@지우가 왔다", "지우", true),
            ("@지우님이 말한", "지우", true),
            ("@지우씨", "지우", true),
            ("@지우개", "지우", false),
            ("@지우개가", "지우", false),
            ("@지우개 @지우", "지우", true),
            ("지우", "지우", false),
            ("@ 지우", "지우", false),
            ("mail@kim.kr", "kim", false),
            ("@KIM: hi", "Kim", true),
            ("@kim님", "Kim", true),
            ("@kimberly", "Kim", false),
            ("@kim_", "kim", true),
            ("@김 지우 안녕", "김 지우", true),
            ("@김", "김 지우", false),
            ("@@지우", "지우", true),
            ("@ΣΊΣΥΦΟΣ", "σίσυφος", true),
            ("@σίσυφοσ", "ΣΊΣΥΦΟΣ", true),
            ("@İRIS", "İris", true),
            ("@ki", "kim", false),
            ("@", "", false),
            ("@a", "", false),
        ] {
            assert_eq!(mentions(text, name), mentioned, "{text} {name}");
        }
    }

    #[test]
    fn only_the_first_places_are_looked_at() {
        let after = |places: usize| format!("{}지우", "@".repeat(places));
        assert!(mentions(&after(limits::MENTIONS), "지우"));
        assert!(!mentions(&after(limits::MENTIONS + 1), "지우"));
        assert!(!mentions(&"@지우개 ".repeat(4_000), "지우"));
    }
}
