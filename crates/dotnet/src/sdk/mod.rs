//! Which SDK is chosen, what it is, and with which commands it is started.

pub(crate) mod chosen_sdk;
pub(crate) mod commands;
pub(crate) mod compiler_warm_up;
pub(crate) mod global_json;
pub(crate) mod sdk_version;
pub(crate) mod toolchain;
