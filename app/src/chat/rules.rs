//! The engine's rules, one by one, against a server that the test plays by hand.

mod changing;
mod connecting;
mod following;
mod keeping;
mod passing;
mod refusing;
mod reviving;
mod sending;
