//! Korean particles after names that can be anything: which of two forms follows depends on the last sound.

/// How a word ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// In a vowel, or in ㄹ, which 으로 treats like one.
    Open,
    /// In another consonant.
    Closed,
    /// In something that is not read, as far as one can tell.
    Unknown,
}

/// A name with 로 or 으로: 서울로, 강물로, 민준으로, LG로; where the reading is not known, 🙂(으)로.
pub(super) fn toward(name: &str) -> String {
    let particle = match ending(name) {
        Ending::Open => "로",
        Ending::Closed => "으로",
        Ending::Unknown => "(으)로",
    };
    let mut text = name.to_owned();
    text.push_str(particle);
    text
}

fn ending(name: &str) -> Ending {
    let Some(last) = name.chars().next_back() else {
        return Ending::Unknown;
    };
    let closed = match last {
        '가'..='힣' => !matches!((u32::from(last) - u32::from('가')) % 28, 0 | 8),
        // By the names of digits and letters: 영, 삼, 육, 엠 and 엔 end in a consonant; 일, 칠, 팔, 엘 and 알 in ㄹ.
        '0' | '3' | '6' | 'm' | 'n' | 'M' | 'N' => true,
        '0'..='9' | 'a'..='z' | 'A'..='Z' => false,
        _ => return Ending::Unknown,
    };
    if closed { Ending::Closed } else { Ending::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_the_last_sound() {
        for (name, expected) in [
            ("지우", "지우로"),
            ("민준", "민준으로"),
            ("서울", "서울로"),
            ("강물", "강물로"),
            ("LG", "LG로"),
            ("HTML", "HTML로"),
            ("ATM", "ATM으로"),
            ("개발-3", "개발-3으로"),
            ("v1", "v1로"),
            ("launch-2026", "launch-2026으로"),
            ("🙂", "🙂(으)로"),
            ("العربية", "العربية(으)로"),
        ] {
            assert_eq!(toward(name), expected);
        }
    }
}
