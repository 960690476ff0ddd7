use std::time::{Duration, UNIX_EPOCH};

/// The end of `staticwebassets.endpoints.json`'s name, which begins with that of the application.
pub const ENDPOINTS_FILE: &str = ".staticwebassets.endpoints.json";

/// What the injected targets give to files that are made during the build.
const PINNED: &str = "Tue, 01 Jan 1980 00:00:00 GMT";
/// 1996-01-01. Everything that a stage shows has a time before: those of contents end in 1995.
const NO_CONTENT_TIME: Duration = Duration::from_secs(820_454_400);

/// Replaces, in the text of a `*.staticwebassets.endpoints.json`, each `Last-Modified` that is the
/// time of the build: compressed and bundled assets are made then, and ASP.NET sends what is written
/// there. `None` if there is none, as it is where the injected targets know the SDK's names.
pub fn pinned_asset_times(endpoints: &str) -> Option<String> {
    let mut pinned = String::with_capacity(endpoints.len());
    let mut rest = endpoints;
    let mut has_changed = false;
    // `{"Name":"Last-Modified","Value":"Sat, 22 Nov 2025 10:11:12 GMT"}`: an object without objects.
    while let Some(start) = rest.find('{') {
        let (before, object) = rest.split_at(start + 1);
        pinned.push_str(before);
        rest = object;
        let Some(end) = object.find(['{', '}']) else {
            break;
        };
        let (object, behind) = object.split_at(end);
        if let Some(time) = time_of_build(object) {
            pinned.push_str(&object.replace(time, PINNED));
            has_changed = true;
        } else {
            pinned.push_str(object);
        }
        rest = behind;
    }
    pinned.push_str(rest);
    has_changed.then_some(pinned)
}

/// Returns the time in a header's object, if it is `Last-Modified` and no content's.
fn time_of_build(object: &str) -> Option<&str> {
    if !object.contains("\"Last-Modified\"") {
        return None;
    }
    let strings = object.split('"').skip(1).step_by(2);
    let mut times = strings.filter_map(|text| Some((text, httpdate::parse_http_date(text).ok()?)));
    let (text, _) = times.find(|(_, time)| {
        let since = time.duration_since(UNIX_EPOCH);
        since.is_ok_and(|since| since >= NO_CONTENT_TIME)
    })?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::pinned_asset_times;

    fn endpoint(headers: &str) -> String {
        format!(
            r#"{{"Version":1,"Endpoints":[{{"Route":"a.css","Selectors":[],"ResponseHeaders":[{headers}]}}]}}"#
        )
    }

    #[test]
    fn only_the_times_of_the_build_are_replaced() {
        let of_content = r#"{"Name":"Last-Modified","Value":"Mon, 05 Feb 1990 10:11:12 GMT"}"#;
        assert_eq!(pinned_asset_times(&endpoint(of_content)), None);
        let of_build = r#"{"Name":"Last-Modified","Value":"Sat, 22 Nov 2025 10:11:12 GMT"}"#;
        let pinned = r#"{"Name":"Last-Modified","Value":"Tue, 01 Jan 1980 00:00:00 GMT"}"#;
        let other = r#"{"Name":"Expires","Value":"Sat, 22 Nov 2025 10:11:12 GMT"}"#;
        assert_eq!(
            pinned_asset_times(&endpoint(&[of_content, of_build, other].join(","))),
            Some(endpoint(&[of_content, pinned, other].join(",")))
        );
        let turned = r#"{ "Value": "Sat, 22 Nov 2025 10:11:12 GMT", "Name": "Last-Modified" }"#;
        let text = pinned_asset_times(&endpoint(turned)).unwrap();
        assert!(text.contains("1980") && !text.contains("2025"), "{text}");
    }

    #[test]
    fn what_is_no_such_file_stays_as_it_is() {
        for text in ["", "{", "{}", "[]", r#"{"Last-Modified":"x"}"#] {
            assert_eq!(pinned_asset_times(text), None, "{text}");
        }
    }
}
