//! `FindCoordinator`: there are no consumer groups here; clients assign partitions themselves.

use kafka_protocol::{
    error::ResponseError,
    messages::{BrokerId, FindCoordinatorResponse},
};

pub(super) fn answer() -> FindCoordinatorResponse {
    FindCoordinatorResponse::default()
        .with_error_code(ResponseError::CoordinatorNotAvailable.code())
        .with_node_id(BrokerId(-1))
        .with_port(-1)
}
