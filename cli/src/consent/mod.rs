//! What a repository may take from the person who builds it: what it asks for, and what was allowed.
//!
//! A build runs the repository's code in a stage that shows the repository and little else. What reaches
//! out of it needs the user's consent, which nothing in the repository can give. See
//! `docs/decisions/consent.md`.

mod asked;
mod consents;
mod granted;
mod open;
mod request;
mod territory;
mod trust;
mod wanted;

pub(crate) use asked::asked_by_config;
pub(crate) use consents::Consents;
pub(crate) use granted::{allowed, requests};
pub(crate) use open::{open_build_session, open_session};
pub(crate) use request::{Request, request_id};
pub(crate) use trust::Trust;
pub(crate) use wanted::{Granted, Wanted, plain};
