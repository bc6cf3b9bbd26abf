//! What the session understands but does not carry out: acknowledgements and transactions.

use ::stomp::Command;

use crate::stomp::refusal::{Code, Refusal};

/// ACK and NACK: every subscription is in mode `auto`, so there is nothing to acknowledge.
pub(super) fn acknowledgement(command: Command) -> Refusal {
    Refusal::new(
        Code::BadAck,
        "Not supported",
        format!(
            "{} is not supported: subscriptions are in mode 'auto'.",
            command.as_str()
        ),
    )
}

/// SUBSCRIBE with `ack:client` or `ack:client-individual`.
pub(super) fn ack_mode() -> Refusal {
    Refusal::new(
        Code::BadAck,
        "Not supported",
        "Of the 'ack' modes only 'auto' is supported.",
    )
}

/// BEGIN, COMMIT, ABORT, and SEND within a transaction.
pub(super) fn transaction(command: Command) -> Refusal {
    let detail = match command {
        Command::Send => {
            "Transactions are not supported: SEND without a 'transaction' header.".into()
        }
        other => format!(
            "{} is not supported: there are no transactions.",
            other.as_str()
        ),
    };
    Refusal::new(Code::BadTransaction, "Not supported", detail)
}
