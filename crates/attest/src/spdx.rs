//! SPDX 2.3, as JSON.
//!
//! Source: spdx-spec v2.3 and its JSON schema.

use crate::bill::{Base, Bill, BillFile};
use crate::component::{Component, ComponentKind, hex};
use crate::licence::Licence;
use crate::package_url::PackageUrl;
use mizzen_oci::{Digest, canonical_json};
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
/// What nobody knows.
const NO_ASSERTION: &str = "NOASSERTION";
/// What a document is named below, with its content.
const NAMESPACE: &str = "https://github.com/mizzen-build/mizzen/spdx";

/// Returns the document that says what `bill` does.
pub(crate) fn document(bill: &Bill) -> Value {
    let mut document = Document::default();
    document.relate(DOCUMENT, "DESCRIBES", IMAGE);
    document.packages.push(image(bill));
    for (platform, digest) in bill.platforms.iter().filter(|_| bill.platforms.len() > 1) {
        let identifier = format!("{IMAGE}-{}", plain(platform));
        document.relate(&identifier, "VARIANT_OF", IMAGE);
        document.packages.push(container(
            &identifier,
            &format!("{} for {platform}", bill.name),
            Some(digest),
        ));
    }
    for base in &bill.bases {
        document.add_base(base);
    }
    let mut files = BTreeMap::<&str, Vec<&BillFile>>::new();
    for file in &bill.files {
        files.entry(&file.component).or_default().push(file);
    }
    for (key, component) in &bill.components {
        let files = files.remove(key.as_str()).unwrap_or_default();
        document.add_component(key, component, &files);
        for needed in &component.dependencies {
            if bill.components.contains_key(needed) {
                document.relate(&package_id(key), "DEPENDS_ON", &package_id(needed));
            }
        }
    }
    document.finish(bill)
}

#[derive(Default)]
struct Document {
    packages: Vec<Value>,
    files: Vec<Value>,
    relationships: Vec<Value>,
}

impl Document {
    fn relate(&mut self, from: &str, how: &str, to: &str) {
        self.relationships.push(json!({
            "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to,
        }));
    }

    fn add_base(&mut self, base: &Base) {
        let identifier = format!("SPDXRef-Base-{}", plain(&base.platform));
        let name = base.name.as_deref().unwrap_or("base image");
        let package = container(&identifier, name, base.digest.as_ref());
        self.packages.push(package);
        self.relate(IMAGE, "DESCENDANT_OF", &identifier);
    }

    fn add_component(&mut self, key: &str, component: &Component, files: &[&BillFile]) {
        let identifier = package_id(key);
        self.packages.push(package(&identifier, component, files));
        self.relate(IMAGE, "CONTAINS", &identifier);
        for file in files {
            let layer = file.layer.map(|layer| layer.to_string());
            let layer = layer.unwrap_or_default();
            let place = Digest::of(format!("{layer}/{}", file.path).as_bytes());
            let of_file = format!("SPDXRef-File-{}", &place.hex()[..16]);
            let mut value = json!({
                "SPDXID": of_file,
                "fileName": format!("./{}", file.path),
                "checksums": [
                    { "algorithm": "SHA1", "checksumValue": file.sha1 },
                    { "algorithm": "SHA256", "checksumValue": file.digest.hex() },
                ],
            });
            if file.layer.is_some() {
                value["comment"] = json!(format!("in layer {layer}"));
            }
            self.files.push(value);
            self.relate(&identifier, "CONTAINS", &of_file);
        }
    }

    fn finish(self, bill: &Bill) -> Value {
        let mut document = json!({
            "SPDXID": DOCUMENT,
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "name": bill.name,
            "creationInfo": {
                "created": whole_seconds(&bill.created),
                "creators": [format!("Tool: mizzen-{}", env!("CARGO_PKG_VERSION"))],
            },
            "packages": self.packages,
            "relationships": self.relationships,
        });
        if !self.files.is_empty() {
            document["files"] = json!(self.files);
        }
        // Another content has another name, and the same one has the same.
        let content = Digest::of(&canonical_json(&document));
        let name = plain(&bill.name);
        document["documentNamespace"] = json!(format!("{NAMESPACE}/{name}/{}", content.hex()));
        document
    }
}

fn image(bill: &Bill) -> Value {
    let mut image = container(IMAGE, &bill.name, bill.digest.as_ref());
    if let Some(version) = &bill.version {
        image["versionInfo"] = json!(version);
    }
    if bill.digest.is_none() {
        image["primaryPackagePurpose"] = json!("APPLICATION");
    }
    image
}

fn container(identifier: &str, name: &str, digest: Option<&Digest>) -> Value {
    let mut package = json!({
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "primaryPackagePurpose": "CONTAINER",
    });
    if let Some(digest) = digest {
        package["checksums"] = json!([sha256(digest)]);
        package["externalRefs"] = json!([package_url(&container_url(name, digest))]);
    }
    package
}

/// Returns the name of an image: the last part of where it lies, and its digest.
pub(crate) fn container_url(name: &str, digest: &Digest) -> String {
    let name = name.split('@').next().unwrap_or(name);
    let (repository, last) = name.rsplit_once('/').unwrap_or(("", name));
    let last = last.split([':', ' ']).next().unwrap_or(last);
    let last = last.to_ascii_lowercase();
    let digest = digest.to_string();
    let url = PackageUrl::new("oci", None, &last, Some(&digest));
    // A registry has a dot, a port, or is this machine.
    let place = format!("{repository}/{last}");
    let is_registry = repository.split('/').next();
    let is_registry = is_registry.is_some_and(|it| it.contains(['.', ':']) || it == "localhost");
    if is_registry {
        return url.with("repository_url", &place).to_string();
    }
    url.to_string()
}

fn package(identifier: &str, component: &Component, files: &[&BillFile]) -> Value {
    let mut package = json!({
        "SPDXID": identifier,
        "name": component.name,
        "downloadLocation": component.source.as_deref().unwrap_or(NO_ASSERTION),
        "filesAnalyzed": !files.is_empty(),
        "primaryPackagePurpose": match component.kind {
            ComponentKind::Application => "APPLICATION",
            ComponentKind::Framework => "FRAMEWORK",
            ComponentKind::Project | ComponentKind::Package | ComponentKind::System => "LIBRARY",
        },
    });
    let members = package.as_object_mut().expect("it was made one");
    if let Some(version) = &component.version {
        members.insert("versionInfo".to_owned(), json!(version));
    }
    match &component.licence {
        Some(Licence::Expression(expression)) => {
            members.insert("licenseDeclared".to_owned(), json!(expression));
        }
        Some(other) => {
            let comment = format!("the package states: {}", other.text());
            members.insert("licenseComments".to_owned(), json!(comment));
        }
        None => {}
    }
    if let Some(url) = &component.package_url {
        members.insert("externalRefs".to_owned(), json!([package_url(url)]));
    }
    if let Some(hash) = component.file_sha512_hex() {
        let checksum = json!([{ "algorithm": "SHA512", "checksumValue": hash }]);
        members.insert("checksums".to_owned(), checksum);
    }
    comment(component, members);
    if !files.is_empty() {
        let code = json!({ "packageVerificationCodeValue": verification_code(files) });
        members.insert("packageVerificationCode".to_owned(), code);
    }
    package
}

/// Says what SPDX has no field for.
fn comment(component: &Component, members: &mut Map<String, Value>) {
    let mut lines = Vec::new();
    match component.is_direct {
        Some(true) => lines.push("a direct dependency of the application".to_owned()),
        Some(false) => lines.push("a dependency of other packages".to_owned()),
        None => {}
    }
    if let Some(hash) = &component.content_sha512 {
        lines.push(format!("NuGet's hash of the content: sha512 {hash}"));
    }
    if !lines.is_empty() {
        members.insert("comment".to_owned(), json!(lines.join("; ")));
    }
}

fn package_url(url: &str) -> Value {
    json!({
        "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url,
    })
}

fn sha256(digest: &Digest) -> Value {
    json!({ "algorithm": "SHA256", "checksumValue": digest.hex() })
}

/// Source: spdx-spec v2.3, 7.9: the SHA-1 of the sorted SHA-1s.
fn verification_code(files: &[&BillFile]) -> String {
    let mut hashes: Vec<&str> = files.iter().map(|file| file.sha1.as_str()).collect();
    hashes.sort_unstable();
    hex(&Sha1::digest(hashes.concat()))
}

/// Returns an identifier that no other key has.
fn package_id(key: &str) -> String {
    let hash = Digest::of(key.as_bytes()).hex();
    format!("SPDXRef-Package-{}-{}", plain(key), &hash[..8])
}

/// Returns the text with only what identifiers may have.
fn plain(text: &str) -> String {
    let is_allowed = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '.';
    let letter = |letter: char| if is_allowed(&letter) { letter } else { '-' };
    text.chars().map(letter).collect()
}

/// Returns a time as SPDX takes it: without fractions, in UTC.
pub(crate) fn whole_seconds(time: &str) -> String {
    let whole = time.get(..19).filter(|_| time.ends_with('Z'));
    whole.map_or_else(
        || "1970-01-01T00:00:00Z".to_owned(),
        |whole| format!("{whole}Z"),
    )
}
