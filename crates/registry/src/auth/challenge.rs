/// What a registry wants to see, from the `WWW-Authenticate` of a 401.
///
/// Source: RFC 9110, 11.6.1; distribution's "Token Authentication Specification".
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token that `realm` gives out.
    Bearer {
        realm: String,
        service: Option<String>,
        /// The scope that the request needed.
        scope: Option<String>,
        /// Why the token that was sent does not do: `invalid_token`, `insufficient_scope`.
        error: Option<String>,
    },
}

/// Reads the challenges that are understood here, in their order.
pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    headers
        .into_iter()
        .flat_map(schemes)
        .filter_map(|(scheme, parameters)| {
            let get = |name: &str| {
                parameters
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("basic") {
                Some(Challenge::Basic)
            } else if scheme.eq_ignore_ascii_case("bearer") {
                Some(Challenge::Bearer {
                    realm: get("realm")?,
                    service: get("service"),
                    scope: get("scope").filter(|scope| !scope.is_empty()),
                    error: get("error"),
                })
            } else {
                None
            }
        })
        .collect()
}

/// Splits a header into its schemes, each with its parameters.
fn schemes(header: &str) -> Vec<(&str, Vec<(&str, String)>)> {
    let mut schemes: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        if token.is_empty() {
            return schemes;
        }
        let Some(value) = after.trim_start().strip_prefix('=') else {
            schemes.push((token, Vec::new()));
            rest = after;
            continue;
        };
        let (value, after) = value_of(value.trim_start());
        if let Some((_, parameters)) = schemes.last_mut() {
            parameters.push((token, value));
        }
        rest = after;
    }
}

fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[place + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::{Challenge, parse};

    fn bearer(realm: &str, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: Some("s".to_owned()),
            scope: scope.map(str::to_owned),
            error: None,
        }
    }

    #[test]
    fn a_scope_with_commas_is_one_value() {
        let header = r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#;
        assert_eq!(
            parse([header]),
            [bearer("https://a/t", Some("repository:x:pull,push"))]
        );
    }

    #[test]
    fn several_schemes_may_stand_in_one_header_or_in_two() {
        let one = r#"Basic realm="x", bearer Realm=https://a/t, service="s""#;
        let want = [Challenge::Basic, bearer("https://a/t", None)];
        assert_eq!(parse([one]), want);
        assert_eq!(
            parse([
                r#"Basic realm="x""#,
                r#"Bearer realm="https://a/t",service="s""#
            ]),
            want
        );
    }

    #[test]
    fn nonsense_is_no_challenge_and_ends() {
        for header in [
            "",
            ",,,",
            "Bearer",
            "Negotiate",
            "=",
            "Bearer service=\"",
            "Bearer \\",
        ] {
            assert_eq!(parse([header]), [], "{header}");
        }
    }

    #[test]
    fn fuzz_www_authenticate() {
        let seeds = [
            r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push",error="invalid_token""#,
            r#"Basic realm="x", Negotiate, bearer Realm=https://a/t, service="a\"b""#,
        ];
        let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
        let words = &[
            "Bearer ", "Basic", "realm=", "=", "\"", "\\", ",", " ", "\t", "ß", "\u{1b}",
        ];
        mizzen_fuzz::fuzz(
            "WWW-Authenticate",
            mizzen_fuzz::mutated(seeds, words),
            |bytes| {
                let header = String::from_utf8_lossy(&bytes);
                let challenges = parse([&*header, &*header]);
                let once = parse([&*header]);
                assert_eq!(challenges, [once.clone(), once].concat());
            },
        );
    }
}
