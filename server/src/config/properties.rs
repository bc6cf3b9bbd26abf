//! Which of librdkafka's properties may be shown.

/// Properties that are no secrets whatever their value.
const HARMLESS: [&str; 18] = [
    "acks",
    "broker.address.family",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.type",
    "debug",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.keystore.location",
];

/// Parts of names that tell of a secret.
const TELLTALES: [&str; 10] = [
    "auth",
    "config",
    "credential",
    "key",
    "passphrase",
    "password",
    "pem",
    "secret",
    "token",
    "user",
];

/// Whether a property may be shown: it is known to be harmless, or it is a number or a switch of a plain, unsuspicious name.
///
/// librdkafka has hundreds, and gets new ones; what is not known here is taken for a secret.
pub(super) fn may_be_shown(name: &str, value: &str) -> bool {
    let switch_or_number = value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    HARMLESS.contains(&name)
        || (switch_or_number
            && name.bytes().all(plain)
            && !TELLTALES.iter().any(|word| name.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_harmless_is_shown() {
        for (name, value) in [
            ("security.protocol", "SASL_SSL"),
            ("linger.ms", "5"),
            ("socket.keepalive.enable", "true"),
            ("ssl.key.location", "/etc/maru/key.pem"),
        ] {
            assert!(may_be_shown(name, value), "{name}");
        }
        for (name, value) in [
            ("sasl.password", "17"),
            ("ssl.key.password", "17"),
            ("ssl.key.pem", "-----BEGIN"),
            ("sasl.oauthbearer.client.secret", "true"),
            ("sasl.oauthbearer.config", "secret=hunter"),
            ("some.new.property", "hunter"),
            ("Sasl.Password", "hunter"),
            ("linger.ms\nnonsense", "5"),
        ] {
            assert!(!may_be_shown(name, value), "{name}");
        }
    }
}
