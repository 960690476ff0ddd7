use mizzen_registry::Answer;

/// Says what may help after a registry refused something; `None` where nobody here can know.
///
/// Registries say the same in many ways: a status, a code of the protocol, or words alone.
pub(crate) fn refusal(registry: &str, status: u16, code: &str, answer: &Answer) -> Option<String> {
    let said = answer.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let is_tag = answer.method == "PUT" && answer.url.contains("/manifests/");
    Some(match (status, code) {
        _ if says(&["quota", "storage limit", "insufficient storage"]) || status == 507 => {
            format!("`{registry}` is out of space: free some there, or have the quota raised")
        }
        _ if says(&["immutable", "cannot be overwritten", "already exists"])
            || code == "TAG_INVALID"
            || (is_tag && matches!(status, 409 | 412)) =>
        {
            "a tag there cannot be moved: push under another one".to_owned()
        }
        (405, _) | (_, "UNSUPPORTED") => {
            format!(
                "`{registry}` accepts no pushes here (read-only, or a mirror): push to a place that does"
            )
        }
        _ if says(&["read-only", "readonly", "read only"]) => {
            format!("`{registry}` accepts no pushes at the moment: try again later")
        }
        (413, _) | (_, "SIZE_INVALID") => format!(
            "something before `{registry}` limits what one request may send: `chunk-bytes = 16777216` in [registry.\"{registry}\"] of mizzen.toml"
        ),
        (415, _) | (_, "MANIFEST_INVALID") => {
            "older registries accept only docker's format: --format docker".to_owned()
        }
        (_, "MANIFEST_BLOB_UNKNOWN") => {
            format!(
                "`{registry}` wants every layer of an image, and layers that their maker does not let others distribute (with `urls` in the manifest) are not sent: take an image without them"
            )
        }
        (_, "NAME_UNKNOWN") => repository_missing(registry, &answer.url),
        (404, _) if says(&["project", "repository", "namespace"]) => {
            repository_missing(registry, &answer.url)
        }
        (_, "NAME_INVALID") => {
            format!(
                "`{registry}` does not accept the name `{}`",
                repository(&answer.url)
            )
        }
        (401 | 403, _) | (_, "DENIED" | "UNAUTHORIZED") => {
            format!("log in to `{registry}` as an account that may do this")
        }
        _ => return None,
    })
}

/// Returns the repository that a URL of the protocol is about.
fn repository(url: &str) -> &str {
    let name = url.split_once("/v2/").map_or("", |(_, path)| path);
    let ends = ["/blobs/", "/manifests/"].map(|word| name.find(word));
    let end = ends.into_iter().flatten().min().unwrap_or(name.len());
    &name[..end]
}

/// Says how to make a repository that has to be there before a push.
fn repository_missing(registry: &str, url: &str) -> String {
    let name = repository(url);
    // 123456789012.dkr.ecr.eu-west-1.amazonaws.com
    let labels: Vec<&str> = registry.split('.').collect();
    match labels[..] {
        [_, "dkr", "ecr", region, "amazonaws", "com"] => {
            format!(
                "create it: aws ecr create-repository --repository-name {name} --region {region}"
            )
        }
        _ => format!(
            "create the repository `{name}` in `{registry}`, or the project that it belongs to"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use mizzen_registry::Answer;

    fn hint(status: u16, code: &str, message: &str) -> String {
        let answer = Answer {
            method: "PUT".to_owned(),
            url: "https://r.example/v2/acme/shop/manifests/1".to_owned(),
            status,
            message: format!("{code}: {message}"),
        };
        refusal("r.example", status, code, &answer).unwrap_or_default()
    }

    #[test]
    fn a_refusal_has_the_hint_that_fits_or_none() {
        for (status, code, message, want) in [
            (400, "TAG_INVALID", "the tag is immutable", "another one"),
            (409, "TAG_ALREADY_EXISTS", "", "another one"),
            (
                412,
                "PRECONDITION",
                "configured as immutable",
                "another one",
            ),
            (
                403,
                "DENIED",
                "adding 5 GiB exceeds the storage quota",
                "out of space",
            ),
            (507, "", "", "out of space"),
            (
                405,
                "UNSUPPORTED",
                "The operation is unsupported.",
                "accepts no pushes",
            ),
            (
                403,
                "DENIED",
                "the system is in read only mode",
                "accepts no pushes at the moment",
            ),
            (413, "", "<h1>413</h1>", "chunk-bytes"),
            (415, "", "", "--format docker"),
            (
                400,
                "MANIFEST_INVALID",
                "manifest invalid",
                "--format docker",
            ),
            (404, "NAME_UNKNOWN", "", "create the repository `acme/shop`"),
            (
                404,
                "NOT_FOUND",
                "project acme not found",
                "the project that it belongs to",
            ),
            (
                400,
                "NAME_INVALID",
                "invalid",
                "does not accept the name `acme/shop`",
            ),
            (403, "DENIED", "requested access is denied", "log in"),
            (422, "", "no", ""),
            (400, "", "something else", ""),
            (451, "", "", ""),
        ] {
            let hint = hint(status, code, message);
            assert!(hint.contains(want), "{status} {code} {message}: {hint}");
            assert_eq!(hint.is_empty(), want.is_empty(), "{status} {code}: {hint}");
        }
    }

    #[test]
    fn a_repository_that_has_to_be_made_first_is_named_with_the_command() {
        let registry = "1.dkr.ecr.eu-west-1.amazonaws.com";
        let answer = Answer {
            method: "POST".to_owned(),
            url: format!("https://{registry}/v2/acme/shop/blobs/uploads/"),
            status: 404,
            message: String::new(),
        };
        assert_eq!(
            refusal(registry, 404, "NAME_UNKNOWN", &answer).unwrap(),
            "create it: aws ecr create-repository --repository-name acme/shop --region eu-west-1"
        );
    }
}
