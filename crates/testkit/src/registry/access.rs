use super::routes::Asked;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// How a registry wants to be asked, and by whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// Name and password with each request.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// Tokens of the registry's own server, at `/token`. Without a name and a password it gives
    /// tokens to anybody.
    Bearer {
        /// The name and the password that the token server wants.
        account: Option<(String, String)>,
        /// Repositories that this account may pull from and push to; empty for all.
        repositories: Vec<String>,
    },
}

/// The tokens that were given out, each for its scopes.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    live: BTreeSet<(String, String)>,
    given: u64,
}

pub(super) enum Verdict {
    Welcome,
    /// 401, with what `WWW-Authenticate` says.
    Unauthorized(String),
}

impl Tokens {
    pub(super) fn revoke_all(&mut self) {
        self.live.clear();
    }

    fn give(&mut self, scopes: &[String]) -> String {
        self.given += 1;
        let token = format!("token-{}", self.given);
        for scope in scopes {
            self.live.insert((token.clone(), scope.clone()));
        }
        self.live.insert((token.clone(), String::new()));
        token
    }
}

impl Login {
    /// Decides on a request that needs `action` on `repository`.
    pub(super) fn judge(
        &self,
        tokens: &Tokens,
        host: &str,
        authorization: Option<&str>,
        repository: &str,
        action: &str,
    ) -> Verdict {
        match self {
            Self::Basic { username, password } => {
                if authorization == Some(&basic(username, password)) {
                    Verdict::Welcome
                } else {
                    Verdict::Unauthorized(r#"Basic realm="testkit""#.to_owned())
                }
            }
            Self::Bearer { .. } => {
                let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
                let has = |scope: &str| {
                    token.is_some_and(|token| {
                        tokens.live.contains(&(token.to_owned(), scope.to_owned()))
                    })
                };
                let error = match token {
                    _ if repository.is_empty() && has("") => return Verdict::Welcome,
                    _ if has(&format!("repository:{repository}:{action}")) => {
                        return Verdict::Welcome;
                    }
                    None => "",
                    Some(_) if has("") => r#",error="insufficient_scope""#,
                    Some(_) => r#",error="invalid_token""#,
                };
                let actions = if action == "push" {
                    "pull,push"
                } else {
                    action
                };
                Verdict::Unauthorized(format!(
                    r#"Bearer realm="http://{host}/token",service="testkit",scope="repository:{repository}:{actions}"{error}"#
                ))
            }
        }
    }

    /// Gives a token for those of `scopes` that the caller may have; `None` for a wrong password.
    pub(super) fn token(
        &self,
        tokens: &mut Tokens,
        asked: &Asked<'_>,
        scopes: &[String],
    ) -> Option<String> {
        let Self::Bearer {
            account,
            repositories,
        } = self
        else {
            return None;
        };
        if let Some((username, password)) = account {
            let form = url::form_urlencoded::parse(&asked.body).into_owned();
            let form: BTreeMap<String, String> = form.collect();
            // An identity token is a password under another name.
            let is_known = asked.header("authorization") == Some(&basic(username, password))
                || form.get("refresh_token") == Some(password)
                || (form.get("username") == Some(username)
                    && form.get("password") == Some(password));
            if !is_known {
                return None;
            }
        }
        let mut granted = Vec::new();
        for scope in scopes {
            let parts: Vec<&str> = scope.split(':').collect();
            if let ["repository", name, actions] = parts[..]
                && (repositories.is_empty() || repositories.iter().any(|allowed| allowed == name))
            {
                granted.extend(
                    actions
                        .split(',')
                        .map(|action| format!("repository:{name}:{action}")),
                );
            }
        }
        Some(tokens.give(&granted))
    }
}

pub(super) fn basic(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{password}"))
    )
}
