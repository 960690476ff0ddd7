//! What a build takes of the machine and the user's environment.

use super::arguments::BuildArgs;
use crate::Process;
use crate::error::CommandError;
use fs_err as fs;
use mizzen_stage::Stage;
use mizzen_store::Store;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Variables that decide whether restore may fetch, never what it gets: they reach restore alone,
/// and are in no key.
const RESTORE_VARIABLES: [&str; 13] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NUGET_CERT_REVOCATION_MODE",
    "DOTNET_NUGET_SIGNATURE_VERIFICATION",
    "VSS_NUGET_EXTERNAL_FEED_ENDPOINTS",
];
/// The same for what begins so: the credentials of one feed each, and what Microsoft's credential
/// provider is told.
const RESTORE_PREFIXES: [&str; 3] = [
    "NuGetPackageSourceCredentials_",
    "NUGET_CREDENTIALPROVIDER_",
    "ARTIFACTS_CREDENTIALPROVIDER_",
];

/// Where Linux distributions keep ICU.
const LIBRARY_FOLDERS: [&str; 7] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
    "/lib",
    "/usr/local/lib",
];

/// Prepares the stage; tries no rung yet.
pub(crate) fn stage(store: &Arc<Store>, arguments: &BuildArgs) -> Result<Stage, CommandError> {
    // The running program, even if its file has been replaced since.
    let launcher = PathBuf::from("/proc/self/exe");
    let stage = Stage::new(store.clone(), launcher, arguments.isolation.into());
    let stage = stage.map_err(mizzen_builder::BuildError::from)?;
    Ok(match arguments.jobs {
        Some(jobs) => stage.with_places(jobs.get()),
        None => stage,
    })
}

/// Returns what restore may see of the environment beside its constants.
pub(crate) fn restore_environment(process: &Process) -> BTreeMap<String, String> {
    let passes = |name: &str| {
        RESTORE_VARIABLES.contains(&name)
            || RESTORE_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    let variables = process.environment.iter().filter(|(name, _)| passes(name));
    variables
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the newest ICU library of the machine, `libicuuc.so.72`.
pub(crate) fn icu() -> Option<String> {
    let names = LIBRARY_FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with("libicuuc.so.")).max()
}

/// Returns when images are made, as RFC 3339: `SOURCE_DATE_EPOCH`, else 1970.
pub(crate) fn created(process: &Process) -> Result<String, CommandError> {
    let epoch = process.variable("SOURCE_DATE_EPOCH").unwrap_or("0");
    let seconds = epoch
        .parse::<u64>()
        .ok()
        .filter(|seconds| *seconds <= LAST_SECOND)
        .ok_or_else(|| {
            CommandError::usage(format!(
                "SOURCE_DATE_EPOCH is `{epoch}`, want seconds since 1970"
            ))
        })?;
    Ok(humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
}

/// Returns the time of day, in seconds since 1970.
pub(crate) fn now() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with when packages were resolved, never digested"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// 9999-12-31T23:59:59Z, the last that RFC 3339 can say.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::{created, restore_environment};
    use crate::Process;

    fn process(variables: &[(&str, &str)]) -> Process {
        Process {
            arguments: Vec::new(),
            environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            working_folder: "/".into(),
            stderr_is_terminal: false,
        }
    }

    #[test]
    fn the_time_is_an_input_and_1970_without_one() {
        assert_eq!(created(&process(&[])).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(
            created(&process(&[("SOURCE_DATE_EPOCH", "1700000000")])).unwrap(),
            "2023-11-14T22:13:20Z"
        );
        for bad in ["yesterday", "-1", "999999999999999"] {
            assert!(
                created(&process(&[("SOURCE_DATE_EPOCH", bad)])).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn restore_sees_proxies_and_feed_credentials_and_nothing_else_of_the_users() {
        let process = process(&[
            ("https_proxy", "http://p"),
            ("NuGetPackageSourceCredentials_a", "u:p"),
            ("Company", "x"),
        ]);
        assert_eq!(
            restore_environment(&process)
                .into_keys()
                .collect::<Vec<_>>(),
            ["NuGetPackageSourceCredentials_a", "https_proxy"]
        );
    }
}
