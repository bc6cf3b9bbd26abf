//! Kinds of destinations, told by their prefix.

use crate::stomp::{Code, Refusal};

/// What a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `/queue/NAME`: each message goes to one of the subscribers, and waits while there is none.
    Queue,
    /// `/topic/NAME`: each message goes to every subscriber of the moment.
    Topic,
    /// `/reply-queue/NAME`: the queue behind somebody's temporary queue, by its real name; only to be sent to.
    ReplyQueue,
    /// `/temp-queue/NAME`: a name of the connection's own, only good in `reply-to`.
    TempQueue,
}

impl Kind {
    const PREFIXES: [(&'static str, Self); 4] = [
        ("/queue/", Self::Queue),
        ("/topic/", Self::Topic),
        ("/reply-queue/", Self::ReplyQueue),
        ("/temp-queue/", Self::TempQueue),
    ];

    /// The kind of this destination.
    pub(super) fn of(destination: &str) -> Result<Self, Refusal> {
        let known = Self::PREFIXES
            .iter()
            .find_map(|(prefix, kind)| Some((destination.strip_prefix(prefix)?, *kind)));
        match known {
            Some(("", _)) => Err(invalid(destination, "there is no name after the prefix")),
            Some((_, kind)) => Ok(kind),
            None => Err(Refusal::new(
                Code::UnknownDestination,
                "Unknown destination",
                format!(
                    "'{destination}' is not a valid destination. Valid ones begin with /queue/, /topic/ or, for replies, /reply-queue/."
                ),
            )),
        }
    }
}

/// A destination of a kind that exists, but that cannot be used like this.
pub(super) fn invalid(destination: &str, why: &str) -> Refusal {
    Refusal::new(
        Code::UnknownDestination,
        "Invalid destination",
        format!("'{destination}' is not a valid destination here: {why}."),
    )
}
