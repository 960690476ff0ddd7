//! What the keys of docker's configuration cover: a registry, or some of its repositories.

/// Returns whether what a key covers holds a repository.
pub(super) fn covers(scope: &str, wanted: &str) -> bool {
    let rest = wanted.strip_prefix(scope);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns what a key covers, in the words of a reference: docker writes Docker Hub as a URL, and
/// others follow it.
pub(super) fn scope_of(key: &str) -> String {
    let scope = key
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let scope = ["/v1", "/v2"]
        .iter()
        .find_map(|version| scope.strip_suffix(version))
        .unwrap_or(scope);
    let (host, path) = scope.split_once('/').unwrap_or((scope, ""));
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        other => other,
    };
    if path.is_empty() {
        host.to_owned()
    } else {
        format!("{host}/{path}")
    }
}
