//! What is known to be vulnerable in an image is named, from a copy of the advisories on disk.

use crate::support::{User, prepared, testdata};
use fs_err as fs;
use serde_json::{Value, json};

fn advisory(id: &str, package: &str, severity: &str, events: &Value) -> Value {
    json!({
        "id": id, "aliases": ["CVE-2026-1"], "summary": "it is bad",
        "affected": [{
            "package": { "ecosystem": "NuGet", "name": package },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        }],
        "database_specific": { "severity": severity },
    })
}

#[test]
fn a_vulnerable_package_is_named_with_the_fix_the_way_to_it_and_its_layer() {
    let user = User::without_sdk();
    let base = format!("oci:{}/aspnet-10.0", prepared("MIZZEN_TEST_BASE").display());
    let folder = testdata("publish/portable");
    let folder = folder.to_str().unwrap();
    let arguments = ["--from-publish", folder, "--base", &base, "-o", "oci:out"];
    let run = user.build(&arguments).success();
    let write = |name: &str, advisory: &Value| {
        fs::create_dir_all(user.path("db/deep")).unwrap();
        fs::write(user.path("db/deep").join(name), advisory.to_string()).unwrap();
    };
    let audit = |more: &[&str]| {
        let common = ["audit", "oci:out", "--db", "db", "--json"];
        user.run_bare(&[&common[..], more].concat())
    };
    assert!(audit(&[]).failure(7).contains("`db` cannot be read"));
    write("none.json", &json!({ "no": "advisory" }));
    assert!(audit(&[]).failure(2).contains("there is no advisory"));

    let before = json!([{ "introduced": "0" }, { "fixed": "0.0.1" }]);
    write(
        "old.json",
        &advisory("GHSA-old", "OpenTelemetry.Api", "HIGH", &before),
    );
    let mut other = advisory(
        "GHSA-npm",
        "opentelemetry.api",
        "HIGH",
        &json!([{ "introduced": "0" }]),
    );
    other["affected"][0]["package"]["ecosystem"] = json!("npm");
    write("npm.json", &other);
    let clean = audit(&[]).success();
    let clean: Value = serde_json::from_str(&clean.stdout).unwrap();
    assert_eq!(
        (&clean["advisories"], &clean["findings"]),
        (&json!(2), &json!([]))
    );

    let still = json!([{ "introduced": "0" }, { "fixed": "999.0.0" }]);
    let of_api = advisory("GHSA-api", "opentelemetry.API", "MODERATE", &still);
    write("api.json", &of_api);
    let mut withdrawn = advisory("GHSA-gone", "OpenTelemetry.Api", "CRITICAL", &still);
    withdrawn["withdrawn"] = json!("2026-01-01T00:00:00Z");
    write("gone.json", &withdrawn);
    let runtime = "Microsoft.NETCore.App.Runtime.linux-x64";
    write(
        "net.json",
        &advisory("GHSA-net", runtime, "CRITICAL", &still),
    );
    let found = audit(&["--fail-on", "none"]).success();
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let found = found["findings"].as_array().unwrap();
    let ids: Vec<&Value> = found.iter().map(|it| &it["advisory"]).collect();
    assert_eq!(ids, ["GHSA-net", "GHSA-api"]);
    assert_eq!(found[0]["layers"], json!([]));
    let api = &found[1];
    assert_eq!(api["fixed"], "999.0.0");
    let way = api["path"].as_array().unwrap();
    assert!(way[0].as_str().unwrap().starts_with("Web.Api/"), "{way:?}");
    assert!(
        way.last()
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("OpenTelemetry.Api/")
    );
    let layers = run.layers();
    let layer = api["layers"][0].as_str().unwrap();
    assert!(layers.values().any(|own| own == layer), "{layer}");

    let said = audit(&["--fail-on", "critical"]);
    assert_eq!(said.code, 6);
    assert!(said.stderr.contains("GHSA-net") && !said.stderr.contains("GHSA-api"));
    let plain = user.run_bare(&["audit", folder, "--db", "db/deep/api.json"]);
    assert_eq!(plain.code, 6);
    assert!(
        plain.stdout.contains("fixed in 999.0.0"),
        "{}",
        plain.stdout
    );
}
