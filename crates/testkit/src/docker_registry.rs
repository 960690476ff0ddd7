use crate::process::command;
use fs_err as fs;
use std::fmt::Write;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Debian's `docker-registry` on a free loopback port, with storage that goes with it; it stops
/// when the value is dropped.
#[derive(Debug)]
pub struct DockerRegistry {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// What the registry is to be like.
#[derive(Clone, Debug, Default)]
pub struct DockerRegistrySettings {
    /// The text of an htpasswd file (bcrypt); empty lets everybody in.
    pub htpasswd: String,
    /// A certificate and its key, PEM; then the registry speaks HTTPS only.
    pub tls: Option<(String, String)>,
    /// The authority (PEM) whose certificates clients must show.
    pub client_authority: Option<String>,
}

impl DockerRegistry {
    /// Starts one that lets everybody in, and waits until it listens.
    ///
    /// # Errors
    /// `docker-registry` is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&DockerRegistrySettings::default())
    }

    /// Starts one, and waits until it listens.
    ///
    /// # Errors
    /// `docker-registry` is not installed, or does not start.
    pub fn start_with(settings: &DockerRegistrySettings) -> io::Result<Self> {
        // Between choosing a port and taking it another process may be faster.
        let mut last = None;
        for _ in 0..5 {
            match Self::start_once(settings) {
                Ok(registry) => return Ok(registry),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("docker-registry was not started")))
    }

    fn start_once(settings: &DockerRegistrySettings) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("config.yml");
        fs::write(&config, config_text(folder.path(), port, settings)?)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut process = command("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.into_parts().0)
            .spawn()?;
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = process.try_wait()? {
                let log = fs::read_to_string(folder.path().join("log"))?;
                return Err(io::Error::other(format!(
                    "docker-registry ended ({status}): {log}"
                )));
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self {
                    process,
                    port,
                    folder,
                });
            }
            if Instant::now() > give_up {
                process.kill()?;
                process.wait()?;
                return Err(io::Error::other(
                    "docker-registry does not listen after 10 s",
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns host and port, as a reference begins.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Returns the folder with the registry's storage and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn config_text(folder: &Path, port: u16, settings: &DockerRegistrySettings) -> io::Result<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut text = format!(
        "version: 0.1\nlog: {{ level: warn }}\nstorage:\n  filesystem: {{ rootdirectory: \"{}\" }}\n  \
         delete: {{ enabled: true }}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        path("storage")
    );
    if let Some((certificate, key)) = &settings.tls {
        fs::write(folder.join("tls.crt"), certificate)?;
        fs::write(folder.join("tls.key"), key)?;
        writeln!(
            text,
            "  tls:\n    certificate: \"{}\"\n    key: \"{}\"",
            path("tls.crt"),
            path("tls.key")
        )
        .expect("a string takes every text");
    }
    if let Some(authority) = &settings.client_authority {
        fs::write(folder.join("clients.crt"), authority)?;
        writeln!(text, "    clientcas: [\"{}\"]", path("clients.crt"))
            .expect("a string takes every text");
    }
    if !settings.htpasswd.is_empty() {
        fs::write(folder.join("htpasswd"), &settings.htpasswd)?;
        writeln!(
            text,
            "auth:\n  htpasswd: {{ realm: r, path: \"{}\" }}",
            path("htpasswd")
        )
        .expect("a string takes every text");
    }
    Ok(text)
}
