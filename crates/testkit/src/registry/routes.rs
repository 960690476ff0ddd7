use super::access::{Login, Verdict};
use super::personality::{Mount, Personality};
use super::recorded::RecordedRequest;
use super::state::State;
use super::{blobs, manifests, uploads};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// A request, and everything that its answer depends on.
pub(super) struct Desk<'a> {
    pub(super) state: &'a mut State,
    pub(super) personality: &'a Personality,
    pub(super) asked: &'a Asked<'a>,
    pub(super) repository: &'a str,
}

/// What arrived.
pub(super) struct Asked<'a> {
    pub(super) request: &'a RecordedRequest,
    pub(super) body: Bytes,
    /// The value of every `scope`, of the query or of a form.
    pub(super) scopes: Vec<String>,
}

impl Asked<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name).map(String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.request.query.get(name).map(String::as_str)
    }

    pub(super) fn method(&self) -> &str {
        &self.request.method
    }

    pub(super) fn host(&self) -> &str {
        self.header("host").unwrap_or_default()
    }
}

/// Answers a request the way distribution-spec 1.1 says, except where `personality` differs.
pub(super) fn answer(
    state: &mut State,
    login: Option<&Login>,
    personality: &Personality,
    asked: &Asked<'_>,
) -> Response<Bytes> {
    if asked.request.path == "/token" {
        return token(state, login, personality, asked);
    }
    let Some(route) = asked.request.path.strip_prefix("/v2/") else {
        return error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such route");
    };
    if personality.session_cookie && asked.header("cookie").is_some() {
        return error(StatusCode::FORBIDDEN, "DENIED", "CSRF token not found");
    }
    let (repository, rest) = split(route);
    if let Some(login) = login {
        let reads = matches!(asked.method(), "GET" | "HEAD");
        let action = match asked.method() {
            "DELETE" => "delete",
            _ if reads => "pull",
            _ => "push",
        };
        let judge = |repository: &str, action: &str| {
            let authorization = asked.header("authorization");
            login.judge(
                &state.tokens,
                asked.host(),
                authorization,
                repository,
                action,
            )
        };
        if let Verdict::Unauthorized(challenge) = judge(repository, action) {
            return unauthorized(personality, &challenge);
        }
        let source = asked
            .query("from")
            .filter(|_| personality.mount_needs_source_scope);
        if let Some(from) = source
            && let Verdict::Unauthorized(_) = judge(from, "pull")
        {
            let mut desk = Desk {
                state,
                personality,
                asked,
                repository,
            };
            return uploads::open(&mut desk);
        }
    }
    let mut desk = Desk {
        state,
        personality,
        asked,
        repository,
    };
    let mut answer = desk.dispatch(rest);
    if personality.session_cookie {
        let cookie = "sid=1; Path=/; HttpOnly"
            .parse()
            .expect("a cookie is ASCII");
        answer.headers_mut().insert("set-cookie", cookie);
    }
    answer
}

impl Desk<'_> {
    fn dispatch(&mut self, rest: &str) -> Response<Bytes> {
        let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
        match (self.asked.method(), kind, name) {
            ("GET" | "HEAD", "", "") => json_answer(StatusCode::OK, &json!({})),
            ("GET" | "HEAD", "manifests", name) => manifests::get(self, name),
            ("PUT", "manifests", name) => manifests::put(self, name),
            ("DELETE", "manifests", name) => manifests::delete(self, name),
            ("GET", "tags", "list") => manifests::tags(self),
            ("GET", "referrers", digest) => manifests::referrers(self, digest),
            ("POST", "blobs", "uploads/" | "uploads") => match self.personality.mount {
                Mount::Status(status) if self.asked.query("mount").is_some() => {
                    let status = StatusCode::from_u16(status).expect("the table names a status");
                    error(status, "DENIED", "no mounting here")
                }
                _ => uploads::post(self),
            },
            (_, "blobs", upload) if upload.starts_with("uploads/") => {
                uploads::on(self, &upload["uploads/".len()..])
            }
            ("GET" | "HEAD", "blobs", digest) => blobs::get(self, digest),
            ("DELETE", "blobs", digest) => blobs::delete(self, digest),
            _ => error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such route"),
        }
    }
}

/// Splits `acme/shop/blobs/uploads/1` after the repository's name.
fn split(route: &str) -> (&str, &str) {
    let place = ["/manifests/", "/blobs/", "/tags/", "/referrers/"]
        .iter()
        .filter_map(|word| route.rfind(word))
        .min();
    place.map_or((route, ""), |place| (&route[..place], &route[place + 1..]))
}

fn token(
    state: &mut State,
    login: Option<&Login>,
    personality: &Personality,
    asked: &Asked<'_>,
) -> Response<Bytes> {
    let mut scopes = asked.scopes.clone();
    if personality.first_scope_only {
        scopes.truncate(1);
    }
    let is_posted = asked.method() == "POST";
    let form = url::form_urlencoded::parse(&asked.body).into_owned();
    let is_password = form.into_iter().any(|(name, _)| name == "password");
    if is_posted && is_password && personality.password_post_status != 200 {
        let status = StatusCode::from_u16(personality.password_post_status);
        let status = status.expect("the table names a status");
        return error(status, "UNSUPPORTED", "no passwords here");
    }
    // The OAuth2 form of the protocol has one name for it.
    let name = if is_posted {
        "access_token"
    } else {
        personality.token_name
    };
    let given = login.and_then(|login| login.token(&mut state.tokens, asked, &scopes));
    match given {
        Some(token) => {
            let answer = json!({ name: token, "expires_in": 300 });
            json_answer(StatusCode::OK, &answer)
        }
        None => error(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "wrong name or password",
        ),
    }
}

fn unauthorized(personality: &Personality, challenge: &str) -> Response<Bytes> {
    let text = "authentication required";
    let mut answer = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", text);
    let headers = answer.headers_mut();
    if personality.basic_before_bearer {
        let basic = r#"Basic realm="testkit""#.parse();
        headers.append("www-authenticate", basic.expect("it is ASCII"));
    }
    let challenge = challenge.parse().expect("a challenge is ASCII");
    headers.append("www-authenticate", challenge);
    answer
}

/// Makes an answer without a body.
pub(super) fn plain(status: StatusCode, headers: &[(&'static str, String)]) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    for (name, value) in headers {
        let value = value.parse().expect("the headers are ASCII");
        answer.headers_mut().insert(*name, value);
    }
    answer
}

pub(super) fn json_answer(status: StatusCode, value: &Value) -> Response<Bytes> {
    let json = "application/json".to_owned();
    plain(status, &[("content-type", json)]).map(|_| value.to_string().into())
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    json_answer(
        status,
        &json!({ "errors": [{ "code": code, "message": message }] }),
    )
}
