use crate::bill::Bill;
use crate::component::ComponentKind;
use crate::spdx::container_url;
use mizzen_oci::{Digest, canonical_json};
use serde_json::{Value, json};

/// How an image was made, as an in-toto statement with the predicate of SLSA.
///
/// It has no time in it: the same inputs give the same statement.
/// Source: in-toto attestation framework v1, SLSA provenance v1.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// What the image is made of; its digest is the subject.
    pub bill: &'a Bill,
    /// The project's file, relative to its workspace; none for a folder that was published before.
    pub project: Option<&'a str>,
    /// Where the sources are published.
    pub source: Option<&'a str>,
    /// The commit that was checked out.
    pub revision: Option<&'a str>,
    /// The digest of every file that the steps were shown.
    pub sources: Option<Digest>,
    /// The SDK's version, and the digest of its files.
    pub toolchain: Option<(&'a str, Digest)>,
    /// The steps, in their order.
    pub steps: &'a [ProvenanceStep],
    /// How the steps were kept from the rest of the machine.
    pub isolation: Option<&'a str>,
    /// Whether it was watched what they looked up.
    pub is_watched: bool,
    /// Why the same sources may give other packages tomorrow.
    pub floating: Option<&'a str>,
}

/// A step of a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvenanceStep {
    /// `restore`, `publish`.
    pub name: String,
    /// The digest of everything that decides about what it gives.
    pub key: Digest,
    /// The command; values of properties are not told.
    pub command: Vec<String>,
}

/// The media type of a statement, which is also the type of the artifact that holds it.
pub const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";
/// What the predicate is.
pub const PROVENANCE_PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// Says in a list of what refers to an image which predicate a statement has.
pub const PREDICATE_ANNOTATION: &str = "in-toto.io/predicate-type";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const BUILDER: &str = "https://github.com/mizzen-build/mizzen";
const BUILD: &str = "https://github.com/mizzen-build/mizzen/build/v1";

impl Provenance<'_> {
    /// Returns the statement.
    pub fn to_bytes(&self) -> Vec<u8> {
        let platforms: Vec<&String> = self.bill.platforms.keys().collect();
        let mut external = json!({ "platforms": platforms });
        for (name, value) in [("project", self.project), ("source", self.source)] {
            if let Some(value) = value {
                external[name] = json!(value);
            }
        }
        let steps = self.steps.iter().map(|step| {
            let command = step.command.iter().map(|word| without_value(word));
            json!({
                "name": step.name,
                "key": step.key,
                "command": command.collect::<Vec<_>>(),
            })
        });
        let mut internal = json!({
            "steps": steps.collect::<Vec<_>>(),
            "watched": self.is_watched,
            "reproducible": self.floating.is_none(),
        });
        if let Some(why) = self.floating {
            internal["notReproducible"] = json!(format!("package versions float: {why}"));
        }
        if let Some(isolation) = self.isolation {
            internal["isolation"] = json!(isolation);
        }
        canonical_json(&json!({
            "_type": STATEMENT,
            "subject": self.subjects(),
            "predicateType": PROVENANCE_PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD,
                    "externalParameters": external,
                    "internalParameters": internal,
                    "resolvedDependencies": self.materials(),
                },
                "runDetails": { "builder": {
                    "id": BUILDER,
                    "version": { "mizzen": env!("CARGO_PKG_VERSION") },
                } },
            },
        }))
    }

    /// Returns what the statement is about: the image, and each of those that an index names.
    fn subjects(&self) -> Vec<Value> {
        let bill = self.bill;
        let mut digests: Vec<&Digest> = bill.digest.iter().collect();
        digests.extend(bill.platforms.values());
        digests.dedup();
        let subject =
            |digest: &&Digest| json!({ "name": bill.name, "digest": { "sha256": digest.hex() } });
        digests.iter().map(subject).collect()
    }

    /// Returns everything that went into the image, by digest.
    fn materials(&self) -> Vec<Value> {
        let mut materials = Vec::new();
        if let Some(revision) = self.revision {
            let algorithm = if revision.len() == 40 {
                "gitCommit"
            } else {
                "gitCommit256"
            };
            let mut commit = json!({ "name": "commit", "digest": { algorithm: revision } });
            if let Some(source) = self.source {
                commit["uri"] = json!(format!("git+{source}"));
            }
            materials.push(commit);
        }
        if let Some(sources) = self.sources {
            let digest = json!({ "sha256": sources.hex() });
            materials.push(json!({ "name": "sources", "digest": digest }));
        }
        if let Some((version, id)) = self.toolchain {
            let name = format!(".NET SDK {version}");
            materials.push(json!({ "name": name, "digest": { "sha256": id.hex() } }));
        }
        for base in &self.bill.bases {
            if let Some(digest) = &base.digest {
                let name = base.name.as_deref().unwrap_or("base");
                let uri = container_url(name, digest);
                let name = format!("base image for {}", base.platform);
                let digest = json!({ "sha256": digest.hex() });
                materials.push(json!({ "name": name, "uri": uri, "digest": digest }));
            }
        }
        let packages = self.bill.components.values();
        for package in packages.filter(|it| it.kind == ComponentKind::Package) {
            let mut material = json!({ "uri": package.package_url });
            if let Some(hash) = package.file_sha512_hex() {
                material["digest"] = json!({ "sha512": hash });
            }
            materials.push(material);
        }
        materials
    }
}

/// Returns a word of a command without the value of a property, which may be a secret.
fn without_value(word: &str) -> String {
    let is_property = |prefix: &&&str| word.to_ascii_lowercase().starts_with(**prefix);
    let prefixes = ["-p:", "/p:", "-property:", "--property:", "/property:"];
    match word.split_once('=') {
        Some((name, _)) if prefixes.iter().find(is_property).is_some() => format!("{name}=…"),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_value;

    #[test]
    fn the_value_of_a_property_is_not_told() {
        assert_eq!(without_value("-p:Key=hunter2=x"), "-p:Key=…");
        assert_eq!(without_value("--property:Key=hunter2"), "--property:Key=…");
        assert_eq!(without_value("/P:Key=hunter2"), "/P:Key=…");
        for word in ["publish", "-c", "Release", "--output=/x", "-p:Key"] {
            assert_eq!(without_value(word), word);
        }
    }
}
