use mizzen_oci::Repository;

/// What a request needs to be allowed: the repository whose credentials count, and the scopes.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) repository: Repository,
    /// `repository:<name>:pull`. The one that is written to comes first: some token servers look at
    /// no other.
    pub(crate) scopes: Vec<String>,
    /// There is another place to ask, so that little patience will do.
    pub(crate) is_mirror: bool,
}

impl Access {
    pub(crate) fn pull(repository: &Repository) -> Self {
        let scopes = vec![format!("repository:{}:pull", repository.name)];
        Self {
            repository: repository.clone(),
            scopes,
            is_mirror: false,
        }
    }

    /// Access to the registry as such.
    pub(crate) fn registry(registry: &str) -> Self {
        Self {
            repository: Repository {
                registry: registry.to_owned(),
                name: String::new(),
            },
            scopes: Vec::new(),
            is_mirror: false,
        }
    }

    pub(crate) fn push(repository: &Repository) -> Self {
        let scopes = vec![format!("repository:{}:pull,push", repository.name)];
        Self {
            repository: repository.clone(),
            scopes,
            is_mirror: false,
        }
    }

    /// Returns this access with the right to mount from `from`.
    pub(crate) fn and_pull(&self, from: &Repository) -> Self {
        let mut access = self.clone();
        access.scopes.push(format!("repository:{}:pull", from.name));
        access
    }

    pub(super) fn key(&self) -> String {
        format!("{} {}", self.repository, self.scopes.join(" "))
    }
}
