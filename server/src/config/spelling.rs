//! What may have been meant by a name that is no setting.

use strsim::damerau_levenshtein;

use super::settings::{KAFKA_PROPERTY, SETTINGS, all};

/// The setting of the file that is nearest to this key.
pub(super) fn key(given: &str) -> Option<&'static str> {
    // As an argument or a variable would be written.
    let given = given.to_ascii_lowercase().replace('-', "_");
    let given = given.strip_prefix("maru_").unwrap_or(&given);
    if near(given, KAFKA_PROPERTY.key) || near(given, "kafka_properties") {
        return Some("the table [kafka]");
    }
    nearest(
        given,
        SETTINGS.iter().map(|setting| (setting.key, setting.key)),
    )
}

/// The environment variable that is nearest to this one, which has Maru's prefix or lacks it.
pub(super) fn variable(given: &str) -> Option<&'static str> {
    let bare = given.strip_prefix("MARU_");
    if bare.is_none() && !given.starts_with("KAFKA_") {
        return None;
    }
    let bare = bare.unwrap_or(given).to_ascii_lowercase();
    let names = all().flat_map(|setting| {
        let name = setting.variable;
        [
            (setting.key, name),
            (name.strip_prefix("MARU_").unwrap_or(name), name),
        ]
    });
    nearest(&bare, names)
}

/// The second part of the candidate whose first part is nearest.
fn nearest<'a>(
    given: &str,
    candidates: impl Iterator<Item = (&'a str, &'static str)>,
) -> Option<&'static str> {
    candidates
        .map(|(name, meant)| (name.to_ascii_lowercase(), meant))
        .filter(|(name, _)| near(given, name))
        .min_by_key(|(name, _)| damerau_levenshtein(given, name))
        .map(|(_, meant)| meant)
}

/// Whether one may be a slip of the pen for the other: a letter in short names, two in longer ones.
fn near(given: &str, name: &str) -> bool {
    damerau_levenshtein(given, name) <= if name.len() > 5 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognized() {
        for (given, meant) in [
            ("MARU_LISTN", "MARU_LISTEN"),
            ("MARU_KEY_FILE", "MARU_KEYS_FILE"),
            ("MARU_PARTITION", "MARU_PARTITIONS"),
            ("MARU_KAFKA_BROKERS", "KAFKA_BROKERS"),
            ("KAFKA_BROKER", "KAFKA_BROKERS"),
            ("MARU_KAFKA_PROPERTY", "MARU_KAFKA_PROPERTIES"),
            ("KAFKA_PROPERTIES", "MARU_KAFKA_PROPERTIES"),
            ("MARU_LGO", "MARU_LOG"),
        ] {
            assert_eq!(variable(given), Some(meant), "{given}");
        }
        assert_eq!(key("lisen"), Some("listen"));
        assert_eq!(key("public-origins"), Some("public_origins"));
        assert_eq!(key("MARU_LISTEN"), Some("listen"));
        assert_eq!(key("kafka_properties"), Some("the table [kafka]"));
    }

    #[test]
    fn what_others_own_is_left_alone() {
        for given in [
            "MARU_SERVICE_HOST",
            "MARU_PORT_8080_TCP",
            "MARU_TEST_KAFKA",
            "KAFKA_PORT",
            "KAFKA_NAME",
            "LISTEN",
            "HOME",
        ] {
            assert_eq!(variable(given), None, "{given}");
        }
        assert_eq!(key("colour"), None);
    }
}
