//! One file a promise.

pub(crate) mod deliveries;
pub(crate) mod pages;
pub(crate) mod real_time;
pub(crate) mod sent;
