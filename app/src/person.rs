//! How a person or room is drawn without a picture: a colour and an initial.

/// How many hues the style sheet has.
const HUES: u32 = 12;

/// The class that colours the avatar and the name of whoever has this id; the same on every server and in every browser.
pub(crate) fn hue_class(id: &str) -> &'static str {
    const CLASSES: [&str; HUES as usize] = [
        "hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7", "hue-8", "hue-9",
        "hue-10", "hue-11",
    ];
    // FNV-1a: short, and spreads ids that differ in their last letter only.
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    CLASSES[((hash ^ (hash >> 16)) % HUES) as usize]
}

/// The first character as a person sees it, in upper case where there is one.
///
/// Follows the rules of Unicode's grapheme clusters that occur at the start of names (combining marks, joined emoji, skin tones,
/// flags) without their tables, which would be a tenth of the whole page's code.
pub(crate) fn initial(name: &str) -> String {
    let mut letters = name.trim_start().chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut cluster = upper_case(first);
    let mut previous = first;
    let mut flags = usize::from(is_flag_half(first));
    for letter in letters {
        let joined = previous == ZERO_WIDTH_JOINER || letter == ZERO_WIDTH_JOINER;
        let second_half = is_flag_half(letter) && flags == 1;
        if !joined && !second_half && !extends(letter) {
            break;
        }
        flags += usize::from(second_half);
        cluster.push(letter);
        previous = letter;
    }
    cluster
}

/// A letter in upper case, which may be several. The standard library's table would cost the page 4 kB.
#[cfg(feature = "hydrate")]
fn upper_case(letter: char) -> String {
    js_sys::JsString::from(letter).to_upper_case().into()
}

/// A letter in upper case, which may be several.
#[cfg(not(feature = "hydrate"))]
fn upper_case(letter: char) -> String {
    letter.to_uppercase().collect()
}

const ZERO_WIDTH_JOINER: char = '\u{200d}';

fn is_flag_half(letter: char) -> bool {
    ('\u{1f1e6}'..='\u{1f1ff}').contains(&letter)
}

/// Marks that belong to the letter before them.
fn extends(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{93a}'..='\u{93c}' | '\u{93e}'..='\u{94f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1160}'..='\u{11ff}' | '\u{3099}' | '\u{309a}' | '\u{20d0}'..='\u{20f0}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_as_people_see_them() {
        for (name, expected) in [
            ("지우", "지"),
            ("ana", "A"),
            ("ﬁona", "FI"),
            ("e\u{301}mile", "E\u{301}"),
            ("👩‍🚀 우주", "👩‍🚀"),
            ("👍🏽", "👍🏽"),
            ("🇰🇷🇯🇵", "🇰🇷"),
            ("عمر", "ع"),
            ("  민준", "민"),
            ("", ""),
        ] {
            assert_eq!(initial(name), expected, "{name}");
        }
    }

    #[test]
    fn hues_are_stable_and_spread() {
        assert_eq!(hue_class("u-1"), hue_class("u-1"));
        let used: std::collections::HashSet<_> =
            (0..200).map(|n| hue_class(&format!("u-{n}"))).collect();
        assert_eq!(used.len(), HUES as usize);
    }
}
