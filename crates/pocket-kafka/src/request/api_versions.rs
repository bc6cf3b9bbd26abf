//! `ApiVersions`: what this log offers.

use bytes::Bytes;
use kafka_protocol::{
    error::ResponseError,
    messages::{ApiVersionsResponse, api_versions_response::ApiVersion},
};

use super::{OFFERED, is_offered};
use crate::frame::{Closed, Request};

/// A version that is not offered is answered with the offer all the same, in version 0 and with an error: the client asks again.
pub(crate) fn answer(request: &Request) -> Result<Bytes, Closed> {
    let offers = OFFERED
        .iter()
        .map(|offer| {
            ApiVersion::default()
                .with_api_key(offer.api as i16)
                .with_min_version(offer.versions.min)
                .with_max_version(offer.versions.max)
        })
        .collect();
    let answer = ApiVersionsResponse::default().with_api_keys(offers);
    if is_offered(request.api, request.version) {
        request.answer(&answer)
    } else {
        request.answer_as(
            &answer.with_error_code(ResponseError::UnsupportedVersion.code()),
            0,
        )
    }
}
