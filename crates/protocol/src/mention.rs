//! Whether a text mentions somebody: the same on the server, which counts, and in the browser, which highlights.

/// What Korean puts after a name without a blank, before another word begins.
const TITLES: [&str; 2] = ["님", "씨"];
const PARTICLES: [&str; 25] = [
    "이랑", "에게", "한테", "께서", "부터", "까지", "처럼", "보다", "하고", "이가", "이는", "이를",
    "이야", "아", "야", "이", "가", "은", "는", "을", "를", "의", "와", "과", "도",
];

/// Whether the text has `@` and then the name as a word, in any case. Both are composed (NFC).
///
/// The name ends where letters and digits end, or where Korean puts a title or a particle after it: `@지우님이` mentions 지우,
/// `@지우개` does not.
pub fn mentions(text: &str, name: &str) -> bool {
    if name.is_empty() || !text.contains('@') {
        return false;
    }
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    text.match_indices('@').any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(char::is_alphanumeric)
            && text[at + 1..]
                .strip_prefix(name.as_str())
                .is_some_and(is_end_of_name)
    })
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
            ("@", "", false),
        ] {
            assert_eq!(mentions(text, name), mentioned, "{text} {name}");
        }
    }
}
