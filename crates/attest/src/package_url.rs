use std::fmt::{self, Write};

/// The name of a package in whatever ecosystem: `pkg:nuget/Serilog@4.3.0`.
///
/// Source: package-url, PURL-SPECIFICATION.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PackageUrl<'a> {
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    version: Option<&'a str>,
    qualifiers: Vec<(&'a str, &'a str)>,
}

impl<'a> PackageUrl<'a> {
    pub(crate) fn new(
        kind: &'a str,
        namespace: Option<&'a str>,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Self {
        Self {
            kind,
            namespace,
            name,
            version: version.filter(|version| !version.is_empty()),
            qualifiers: Vec::new(),
        }
    }

    /// Adds what tells it from others of its name; the names in the order of their bytes.
    pub(crate) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.qualifiers.push((name, value));
        self
    }
}

impl fmt::Display for PackageUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if let Some(namespace) = self.namespace {
            encode(namespace, f)?;
            f.write_char('/')?;
        }
        encode(self.name, f)?;
        if let Some(version) = self.version {
            f.write_char('@')?;
            encode(version, f)?;
        }
        let mut before = '?';
        for (name, value) in &self.qualifiers {
            write!(f, "{before}{name}=")?;
            encode(value, f)?;
            before = '&';
        }
        Ok(())
    }
}

fn encode(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                f.write_char(byte.into())?;
            }
            other => write!(f, "%{other:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::PackageUrl;

    #[test]
    fn what_has_a_meaning_in_a_package_url_is_encoded() {
        let url = PackageUrl::new("nuget", None, "A B", Some("1.0.0-rc.1+a"));
        assert_eq!(url.to_string(), "pkg:nuget/A%20B@1.0.0-rc.1%2Ba");
        let url = PackageUrl::new("deb", Some("ubuntu"), "libc6", Some("2.39-0ubuntu8"));
        let url = url.with("arch", "amd64").with("distro", "ubuntu-24.04");
        assert_eq!(
            url.to_string(),
            "pkg:deb/ubuntu/libc6@2.39-0ubuntu8?arch=amd64&distro=ubuntu-24.04"
        );
        let url = PackageUrl::new("nuget", None, "App", Some(""));
        assert_eq!(url.to_string(), "pkg:nuget/App");
    }
}
