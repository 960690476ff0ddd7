use crate::process::{Running, command, run, start};
use crate::umoci_unpack;
use fs_err as fs;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An image that runs: unpacked by umoci, run by runc with its rootless specification, on a read-only
/// root. It ends with this value.
#[derive(Debug)]
pub struct Container {
    folder: PathBuf,
    port: u16,
    // Held for its end.
    _process: Running,
}

/// What came back over HTTP.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status: 200.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Container {
    /// Runs the image `tag` of an OCI layout and waits until it answers over HTTP. `folder` must not
    /// be there yet.
    ///
    /// # Panics
    /// With the container's output if it ends or does not answer within thirty seconds.
    pub fn start(layout: &Path, tag: &str, folder: &Path) -> Self {
        umoci_unpack(layout, tag, folder);
        let port = free_port();
        write_specification(folder, port);
        let (log, state) = (folder.join("log"), folder.join("state"));
        let mut runc = command("runc");
        runc.arg("--root")
            .arg(state)
            .arg("run")
            .arg("--bundle")
            .arg(folder)
            .arg("container");
        let mut process = start(runc, &log);
        for _ in 0..3000 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Self {
                    folder: folder.to_owned(),
                    port,
                    _process: process,
                };
            }
            let said = fs::read_to_string(&log).unwrap_or_default();
            assert!(process.goes_on(), "the container ended:\n{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the container does not listen after thirty seconds");
    }

    /// Returns the folder that is its root.
    pub fn root(&self) -> PathBuf {
        self.folder.join("rootfs")
    }

    /// Asks it for a page, with these headers.
    ///
    /// # Panics
    /// If it does not answer in HTTP.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> HttpResponse {
        let mut request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n");
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        // 1.0, so that the body comes as it is and ends with the connection.
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream
            .write_all(request.as_bytes())
            .expect("it reads requests");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("it answers in text");
        parse(&answer).unwrap_or_else(|| panic!("no HTTP: {answer}"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // runc itself would leave the container behind.
        let mut runc = command("runc");
        runc.arg("--root")
            .arg(self.folder.join("state"))
            .args(["delete", "--force", "container"]);
        runc.output().ok();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Replaces umoci's specification by runc's rootless one with the image's process.
fn write_specification(folder: &Path, port: u16) {
    let file = folder.join("config.json");
    let read = || -> Value {
        let text = fs::read_to_string(&file).expect("umoci and runc have written it");
        serde_json::from_str(&text).expect("it is JSON")
    };
    let image = read();
    fs::remove_file(&file).expect("it was read");
    run("runc", folder, &["spec", "--rootless"]);
    let mut specification = read();
    for name in ["args", "cwd", "env", "user"] {
        specification["process"][name] = image["process"][name].clone();
    }
    specification["process"]["terminal"] = json!(false);
    specification["root"]["readonly"] = json!(true);
    append(
        &mut specification["process"]["env"],
        json!(format!("ASPNETCORE_HTTP_PORTS={port}")),
    );
    // Without it CoreCLR ends with 0x80004005.
    let tmp = json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                      "options": ["nosuid", "nodev", "mode=1777"] });
    append(&mut specification["mounts"], tmp);
    specification["linux"]["uidMappings"] =
        mapping("/etc/subuid", rustix::process::geteuid().as_raw());
    specification["linux"]["gidMappings"] =
        mapping("/etc/subgid", rustix::process::getegid().as_raw());
    fs::write(&file, specification.to_string()).expect("the bundle can be written");
}

fn append(array: &mut Value, value: Value) {
    array
        .as_array_mut()
        .expect("the specification has it")
        .push(value);
}

/// Returns which ids the container has: for root the same, else one's own as 0 and one's subordinates.
fn mapping(subordinates: &str, own: u32) -> Value {
    if rustix::process::geteuid().is_root() {
        return json!([{ "containerID": 0, "hostID": 0, "size": 65536 }]);
    }
    let user = run::<&str>("id", Path::new("/"), &["-un"]);
    let text = fs::read_to_string(subordinates).unwrap_or_default();
    let first = text.lines().find_map(|line| {
        let (name, range) = line.split_once(':')?;
        let (first, _) = range.split_once(':')?;
        (name == user.trim()).then(|| first.parse::<u32>().ok())?
    });
    let first = first.unwrap_or_else(|| panic!("{subordinates} has no range for {user}"));
    json!([{ "containerID": 0, "hostID": own, "size": 1 },
           { "containerID": 1, "hostID": first, "size": 65535 }])
}

fn parse(answer: &str) -> Option<HttpResponse> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Some(HttpResponse {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    })
}
