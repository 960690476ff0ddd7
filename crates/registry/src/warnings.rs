use crate::RegistryError;
use crate::auth::Access;
use crate::client::Client;
use crate::request::Request;
use crate::retry::chain;
use crate::sync::lock;
use reqwest::header;

impl Client {
    /// Keeps what `Warning: 299 - "…"` says.
    ///
    /// Source: distribution-spec 1.1, "Warnings".
    pub(crate) fn hear_warnings(&self, request: &Request, response: &reqwest::Response) {
        for header in response.headers().get_all(header::WARNING) {
            let text = header.to_str().unwrap_or_default();
            let text = text
                .strip_prefix("299 - \"")
                .and_then(|text| text.strip_suffix('"'));
            if let Some(text) = text {
                let registry = &request.access.repository.registry;
                let clean: String = text.chars().filter(|one| !one.is_control()).collect();
                let warning = format!("registry `{registry}` says: {clean}");
                lock(&self.warnings).entry(warning).or_insert(false);
            }
        }
    }

    /// Keeps that something that was to lie beside an image is not taken.
    pub(crate) fn left_behind(&self, access: &Access, error: &RegistryError) {
        let warning = format!(
            "what lies beside the image was not taken by `{}`: {}",
            access.repository.registry,
            chain(error)
        );
        lock(&self.warnings).entry(warning).or_insert(false);
    }

    /// Keeps that a mirror failed, once for each mirror.
    pub(crate) fn passed_over(&self, mirror: &Access, own: &Access, error: &RegistryError) {
        let begins = format!(
            "mirror `{}` of `{}` was passed over: ",
            mirror.repository.registry, own.repository.registry
        );
        let mut warnings = lock(&self.warnings);
        if !warnings.keys().any(|told| told.starts_with(&begins)) {
            warnings.insert(format!("{begins}{}", chain(error)), false);
        }
    }

    /// Returns the warnings that were not returned before.
    pub(crate) fn new_warnings(&self) -> Vec<String> {
        let mut warnings = lock(&self.warnings);
        let fresh = warnings.iter_mut().filter(|(_, passed_on)| !**passed_on);
        fresh
            .map(|(warning, passed_on)| {
                *passed_on = true;
                warning.clone()
            })
            .collect()
    }
}
