//! The requests that are offered, one module each.

mod create_topics;
mod fetch;
mod find_coordinator;
mod init_producer_id;
mod list_offsets;
mod metadata;

pub(crate) mod api_versions;
pub(crate) mod layout;
pub(crate) mod produce;

use bytes::Bytes;
use kafka_protocol::{messages::ApiKey, protocol::VersionRange};

use crate::{
    broker::Broker,
    frame::{Closed, Request},
};

/// The id of the only broker.
const BROKER_ID: i32 = 1;

/// A request kind and the versions of it that are understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) api: ApiKey,
    pub(crate) versions: VersionRange,
}

/// What librdkafka needs, in versions it was tried with. Fetch above 12 names topics by UUID. `FindCoordinator` is only answered with an error,
/// yet has to be offered: librdkafka takes it as the sign that lz4 is understood.
pub(crate) const OFFERED: [Offer; 10] = [
    offer(ApiKey::Produce, 3, 9),
    offer(ApiKey::Fetch, 4, 12),
    offer(ApiKey::ListOffsets, 1, 7),
    offer(ApiKey::Metadata, 1, 9),
    offer(ApiKey::FindCoordinator, 0, 2),
    offer(ApiKey::SaslHandshake, 1, 1),
    offer(ApiKey::ApiVersions, 0, 3),
    offer(ApiKey::CreateTopics, 2, 4),
    offer(ApiKey::InitProducerId, 0, 4),
    offer(ApiKey::SaslAuthenticate, 0, 2),
];

const fn offer(api: ApiKey, min: i16, max: i16) -> Offer {
    Offer {
        api,
        versions: VersionRange { min, max },
    }
}

pub(crate) fn offered(key: i16) -> Option<Offer> {
    OFFERED.into_iter().find(|offer| offer.api as i16 == key)
}

pub(crate) fn is_offered(api: ApiKey, version: i16) -> bool {
    offered(api as i16)
        .is_some_and(|offer| (offer.versions.min..=offer.versions.max).contains(&version))
}

/// Carries out any request of an authenticated client but Produce, whose two halves lie in `produce`.
pub(crate) async fn answer(broker: &Broker, request: &Request) -> Result<Bytes, Closed> {
    match request.api {
        ApiKey::Fetch => {
            request.answer(&fetch::answer(broker, request.decode()?, request.version).await)
        }
        ApiKey::ListOffsets => {
            request.answer(&list_offsets::answer(broker, request.decode()?).await)
        }
        ApiKey::Metadata => request.answer(&metadata::answer(broker, request.decode()?)),
        ApiKey::FindCoordinator => request.answer(&find_coordinator::answer()),
        ApiKey::ApiVersions => api_versions::answer(request),
        ApiKey::CreateTopics => {
            request.answer(&create_topics::answer(broker, request.decode()?).await)
        }
        ApiKey::InitProducerId => {
            request.answer(&init_producer_id::answer(broker, request.decode()?).await)
        }
        // SASL a second time: nothing that librdkafka does, and nothing to gain by.
        _ => Err(Closed::NotOffered {
            key: request.api as i16,
            version: request.version,
        }),
    }
}
