//! Names that could be taken for others: those of the house, and letters of scripts that do not go together (UTS #39).

use std::collections::HashSet;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::Script;
use unicode_security::confusable_detection::skeleton;

/// Names that only the house itself may speak under.
const RESERVED: [&str; 20] = [
    "admin",
    "administrator",
    "everyone",
    "here",
    "maru",
    "moderator",
    "official",
    "operator",
    "root",
    "staff",
    "support",
    "system",
    "공식",
    "공지",
    "관리자",
    "마루",
    "모두",
    "시스템",
    "운영자",
    "운영진",
];

/// Scripts that are written side by side; of the others a name has one.
const TOGETHER: [Script; 6] = [
    Script::Bopomofo,
    Script::Han,
    Script::Hangul,
    Script::Hiragana,
    Script::Katakana,
    Script::Latin,
];

/// Whether a name is one of the house's or looks like one, whatever is put between its letters.
pub(super) fn is_reserved(name: &str) -> bool {
    let likenesses = [likeness(&fold(name)), likeness(name)];
    RESERVED.iter().any(|reserved| {
        // Capital I looks like small l, small i does not.
        let capitals = reserved.to_uppercase();
        [likeness(reserved), likeness(&capitals)]
            .iter()
            .any(|taken| likenesses.contains(taken))
    })
}

/// Whether a name has letters of scripts that nobody writes side by side, such as Latin and Cyrillic, many of which look alike.
pub(super) fn is_mixed(name: &str) -> bool {
    let map = CodePointMapData::<Script>::new();
    let scripts: HashSet<_> = name
        .chars()
        .filter(|letter| letter.is_alphabetic())
        .map(|letter| map.get(letter))
        .filter(|script| ![Script::Common, Script::Inherited].contains(script))
        .collect();
    scripts.len() > 1 && !scripts.iter().all(|script| TOGETHER.contains(script))
}

/// What the letters and digits of a name look like.
fn likeness(name: &str) -> String {
    let compatible = ComposingNormalizer::new_nfkc().normalize(name).into_owned();
    let shape: String = skeleton(&compatible)
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    fold(&shape)
}

fn fold(text: &str) -> String {
    CaseMapper::new().fold_string(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_house() {
        for name in [
            "admin",
            "Admin",
            "ADMIN",
            "ADMlN",
            "аdmin",
            "adm\u{456}n",
            "a d m i n",
            "admin.",
            "★admin★",
            "ádmin",
            "ａｄｍｉｎ",
            "adrnin",
            "r00t",
            "MARU",
            "마루",
            "운영자",
            "운 영 자",
            "운영자!",
            "Sуstеm",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "지우",
            "마루치",
            "administer",
            "김운영",
            "mari",
            "rooty",
            "★",
            "bot",
            "관리",
            "😀",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn scripts_that_do_not_go_together() {
        for name in ["pаypal", "Kim\u{3b1}", "지우ж", "αж"] {
            assert!(is_mixed(name), "{name}");
        }
        for name in [
            "Kim지우",
            "田中ゆきTanaka",
            "Иван",
            "Ωμ",
            "jiu_2",
            "محمد",
            "지우 😀",
            "ʕ•ᴥ•ʔ",
            "é",
            "12",
        ] {
            assert!(!is_mixed(name), "{name}");
        }
    }
}
