//! The versions of STOMP, and how two peers agree on one.

use std::fmt;

/// A version of the protocol, in the order of their publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// STOMP 1.0: no escaping, no heart-beats, no NACK.
    V1_0,
    /// STOMP 1.1: escapes `\n`, `\c`, `\\`; heart-beats; subscription ids.
    V1_1,
    /// STOMP 1.2: also `\r`, CRLF line ends, `ack` ids.
    V1_2,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_0, Self::V1_1, Self::V1_2];

    /// The WebSocket subprotocols, the preferred one first.
    pub const SUBPROTOCOLS: [&str; 3] = [
        Self::V1_2.subprotocol(),
        Self::V1_1.subprotocol(),
        Self::V1_0.subprotocol(),
    ];

    /// As written in `accept-version` and `version` headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }

    /// The version that is written this way.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == name)
    }

    /// Its name as a WebSocket subprotocol (IANA's registry).
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V1_0 => "v10.stomp",
            Self::V1_1 => "v11.stomp",
            Self::V1_2 => "v12.stomp",
        }
    }

    /// Whether headers are escaped; 1.0 knows no escaping.
    pub(crate) fn escapes_headers(self) -> bool {
        self != Self::V1_0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The highest version that both sides speak, given the value of `accept-version`.
///
/// A client without that header speaks 1.0 (STOMP 1.1, "Protocol Negotiation"). `None`: nothing in common, which is
/// answered with ERROR. Order, repetition and unknown versions are irrelevant, as are spaces around the commas.
pub fn negotiate(accept_version: Option<&str>) -> Option<Version> {
    let Some(offered) = accept_version else {
        return Some(Version::V1_0);
    };
    offered
        .split(',')
        .filter_map(|name| Version::from_wire(name.trim()))
        .max()
}

/// The subprotocol to answer: that of the highest version among the values of `Sec-WebSocket-Protocol`, each of which
/// may be a list. `None`: answer without a subprotocol, which is no refusal.
///
/// It says nothing about the version of the session, which follows `accept-version` alone.
pub fn choose_subprotocol<'a>(offered: impl IntoIterator<Item = &'a str>) -> Option<Version> {
    let names = offered
        .into_iter()
        .flat_map(|list| list.split(','))
        .map(str::trim);
    names
        .filter_map(|name| {
            Version::ALL
                .into_iter()
                .find(|version| version.subprotocol() == name)
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_25_without_accept_version_the_session_is_1_0() {
        assert_eq!(negotiate(None), Some(Version::V1_0));
    }

    #[test]
    fn item_26_the_highest_common_version_is_chosen() {
        for (offered, chosen) in [
            ("1.0", Version::V1_0),
            ("1.1", Version::V1_1),
            ("1.2", Version::V1_2),
            ("1.0,1.1,1.2", Version::V1_2),
            ("1.2,1.1,1.0", Version::V1_2),
            ("1.1,1.0,1.1,1.0", Version::V1_1),
            ("1.3,1.1,2.0,1.10", Version::V1_1),
            (" 1.0 , 1.2 ", Version::V1_2),
            ("x,,1.0,", Version::V1_0),
        ] {
            assert_eq!(negotiate(Some(offered)), Some(chosen), "{offered:?}");
        }
    }

    #[test]
    fn item_27_nothing_in_common_is_told() {
        for offered in ["", ",", "1.3", "2.0,0.9", "1", "v1.2", "1.2.0"] {
            assert_eq!(negotiate(Some(offered)), None, "{offered:?}");
        }
    }

    #[test]
    fn item_77_the_highest_offered_subprotocol_is_chosen() {
        for (offered, chosen) in [
            (&["v12.stomp, v11.stomp, v10.stomp"][..], Version::V1_2),
            (&["v10.stomp,v11.stomp,v12.stomp"], Version::V1_2),
            (&["v10.stomp", "v11.stomp"], Version::V1_1),
            (&["mqtt, v10.stomp"], Version::V1_0),
        ] {
            assert_eq!(
                choose_subprotocol(offered.iter().copied()),
                Some(chosen),
                "{offered:?}"
            );
        }
        assert_eq!(
            Version::SUBPROTOCOLS,
            ["v12.stomp", "v11.stomp", "v10.stomp"]
        );
    }

    #[test]
    fn item_78_no_known_subprotocol_means_none() {
        assert_eq!(choose_subprotocol([]), None);
        assert_eq!(choose_subprotocol(["", "mqtt, V12.STOMP, v13.stomp"]), None);
    }

    #[test]
    fn every_version_is_found_by_what_is_written() {
        for version in Version::ALL {
            assert_eq!(Version::from_wire(version.as_str()), Some(version));
            assert_eq!(version.to_string(), version.as_str());
        }
    }
}
