//! The base image that the demo and the end-to-end tests build on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use flate2::read::MultiGzDecoder;
use fs_err as fs;
use mizzen_image::{Image, validate};
use mizzen_oci::Platform;
use mizzen_store::Store;
use mizzen_testkit::{AspnetBaseError, aspnet_base};
use std::path::Path;

const DEBIAN: [&str; 12] = [
    "bin/cat",
    "etc/os-release",
    "lib/x86_64-linux-gnu/libc.so.6",
    "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/lib/x86_64-linux-gnu/libssl.so.3",
    "usr/lib/x86_64-linux-gnu/gconv/BIG5.so",
    "usr/sbin/update-ca-certificates",
    "usr/share/ca-certificates/mozilla/B.crt",
    "usr/share/ca-certificates/mozilla/A.crt",
    "usr/share/doc/libc6/changelog.gz",
    "usr/share/doc/libc6/copyright",
    "usr/share/zoneinfo/Europe/Vienna",
];

const DOTNET: [&str; 9] = [
    "LICENSE.txt",
    "ThirdPartyNotices.txt",
    "dotnet",
    "host/fxr/10.0.12/libhostfxr.so",
    "sdk/10.0.401/dotnet.dll",
    "shared/Microsoft.AspNetCore.App/10.0.12/Microsoft.AspNetCore.dll",
    "shared/Microsoft.NETCore.App/9.0.5/System.Runtime.dll",
    "shared/Microsoft.NETCore.App/10.0.12/System.Runtime.dll",
    "shared/Microsoft.NETCore.App/10.0.12/createdump",
];

fn base(folder: &Path) -> Result<Image, AspnetBaseError> {
    for (root, paths) in [("debian", &DEBIAN[..]), ("dotnet", &DOTNET[..])] {
        for path in paths {
            let path = folder.join(root).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("{}\n", path.file_name().unwrap().display())).unwrap();
        }
    }
    let store = Store::open(&folder.join("cache")).unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let (debian, dotnet) = (folder.join("debian"), folder.join("dotnet"));
    let image = aspnet_base(&platform, &debian, &dotnet, &store)?;
    validate(&image, Some(&platform)).unwrap();
    Ok(image)
}

/// Each line: mode, owner, path.
fn listing(image: &Image, layer: usize) -> Vec<String> {
    let blob = image.layers()[layer].blob.open().unwrap();
    let mut archive = tar::Archive::new(MultiGzDecoder::new(blob));
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let header = entry.header();
        format!(
            "{:04o} {} {path}",
            header.mode().unwrap(),
            header.uid().unwrap()
        )
    });
    entries.collect()
}

#[test]
fn the_system_layer_holds_no_program_but_the_loader() {
    let folder = tempfile::tempdir().unwrap();
    let system = listing(&base(folder.path()).unwrap(), 0);
    let files: Vec<&str> = system
        .iter()
        .map(String::as_str)
        .filter(|line| !line.ends_with('/'))
        .collect();
    assert_eq!(
        files,
        [
            "0777 0 bin",
            "0644 0 etc/group",
            "0644 0 etc/nsswitch.conf",
            "0644 0 etc/os-release",
            "0644 0 etc/passwd",
            "0644 0 etc/ssl/certs/ca-certificates.crt",
            "0777 0 lib",
            "0777 0 lib64",
            "0777 0 sbin",
            "0755 0 usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            "0644 0 usr/lib/x86_64-linux-gnu/libc.so.6",
            "0644 0 usr/lib/x86_64-linux-gnu/libssl.so.3",
            "0644 0 usr/share/doc/libc6/copyright",
            "0644 0 usr/share/zoneinfo/Europe/Vienna",
        ]
    );
    for folder in [
        "1777 0 tmp/",
        "0755 1654 home/app/",
        "0700 0 root/",
        "0755 0 usr/lib/",
    ] {
        assert!(
            system.iter().any(|line| line == folder),
            "{folder}: {system:?}"
        );
    }
}

#[test]
fn the_newest_runtime_is_two_layers() {
    let folder = tempfile::tempdir().unwrap();
    let image = base(folder.path()).unwrap();
    assert_eq!(
        listing(&image, 1),
        [
            "0777 0 usr/bin/dotnet",
            "0644 0 usr/share/dotnet/LICENSE.txt",
            "0644 0 usr/share/dotnet/ThirdPartyNotices.txt",
            "0755 0 usr/share/dotnet/dotnet",
            "0644 0 usr/share/dotnet/host/fxr/10.0.12/libhostfxr.so",
            "0644 0 usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/System.Runtime.dll",
            "0755 0 usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/createdump",
        ]
    );
    let aspnet =
        "usr/share/dotnet/shared/Microsoft.AspNetCore.App/10.0.12/Microsoft.AspNetCore.dll";
    assert_eq!(listing(&image, 2), [format!("0644 0 {aspnet}")]);
    assert_eq!(image.config().env("DOTNET_VERSION"), Some("10.0.12"));
    assert_eq!(image.config().user(), Some("1654"));
}

#[test]
fn the_same_files_in_another_folder_are_the_same_image() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let digest = |folder: &Path| base(folder).unwrap().manifest().descriptor().digest;
    assert_eq!(digest(one.path()), digest(other.path()));
}

#[test]
fn an_sdk_without_asp_net_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    base(folder.path()).unwrap();
    let aspnet = folder.path().join("dotnet/shared/Microsoft.AspNetCore.App");
    fs::remove_dir_all(aspnet.join("10.0.12")).unwrap();
    let store = Store::open(&folder.path().join("cache")).unwrap();
    let platform: Platform = "linux/amd64".parse().unwrap();
    let (debian, dotnet) = (folder.path().join("debian"), folder.path().join("dotnet"));
    let error = aspnet_base(&platform, &debian, &dotnet, &store).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}` holds no version of a runtime", aspnet.display())
    );
}
