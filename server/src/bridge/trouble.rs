//! What goes wrong while the log is started: for now, or for good.

use rdkafka::error::KafkaError;

use super::StartError;

/// Why a step of the start did not succeed.
pub(super) enum Trouble {
    /// It may succeed later; the reason is for the log.
    Later(String),
    /// It never will without a person.
    Never(StartError),
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        Self::Never(error)
    }
}

/// The sentence for a property that librdkafka does not accept, without the value, which may be a secret.
pub(super) fn setting(error: KafkaError) -> StartError {
    match error {
        KafkaError::ClientConfig(_, reason, key, value) => {
            let reason = if value.is_empty() {
                reason
            } else {
                reason.replace(&value, "…")
            };
            StartError::Setting { key, reason }
        }
        KafkaError::ClientCreation(reason) => StartError::Settings(reason),
        other => StartError::Settings(other.to_string()),
    }
}
