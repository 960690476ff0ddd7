use fs_err as fs;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A NuGet feed (protocol 3, plain HTTP) on a free loopback port that serves the packages of a folder
/// to whoever has the password.
#[derive(Debug)]
pub struct NugetFeed {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// `<id>.<version>.nupkg`, lower case.
    folder: PathBuf,
    /// `name:password`, in base64.
    login: String,
    served: usize,
    refused: usize,
    stopped: bool,
}

impl NugetFeed {
    /// Starts a feed that asks for `login`, `name:password`.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(folder: &Path, login: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            folder: folder.to_owned(),
            login: encoded(login),
            served: 0,
            refused: 0,
            stopped: false,
        }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if lock(&shared).stopped {
                    return;
                }
                let state = shared.clone();
                // A client that goes away in the middle is none of the feed's concern.
                std::thread::spawn(move || drop(answer(&stream, address, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// Returns the address of its index.
    pub fn url(&self) -> String {
        format!("http://{}/v3/index.json", self.address)
    }

    /// Asks for another password from now on.
    pub fn change_login(&self, login: &str) {
        lock(&self.state).login = encoded(login);
    }

    /// Returns how many requests were answered, and how many refused.
    pub fn requests(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.served, state.refused)
    }
}

impl Drop for NugetFeed {
    fn drop(&mut self) {
        lock(&self.state).stopped = true;
        // The listener wakes up, and sees it.
        drop(TcpStream::connect(self.address));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn encoded(login: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(login)
}

/// Answers one request and closes.
fn answer(mut stream: &TcpStream, address: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    let mut request = BufReader::new(stream).lines();
    let first = request.next().transpose()?.unwrap_or_default();
    let mut login = String::new();
    for header in request {
        let header = header?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(": Basic ")
            && name.eq_ignore_ascii_case("authorization")
        {
            value.clone_into(&mut login);
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("/");
    let (status, body) = {
        let mut state = lock(state);
        if login == state.login {
            state.served += 1;
            let body = body(path, address, &state.folder)?;
            (
                if body.is_some() {
                    "200 OK"
                } else {
                    "404 Not Found"
                },
                body,
            )
        } else {
            state.refused += 1;
            (
                "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"feed\"",
                None,
            )
        }
    };
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

fn body(path: &str, address: SocketAddr, folder: &Path) -> io::Result<Option<Vec<u8>>> {
    let json = |value: &Value| Some(value.to_string().into_bytes());
    if path == "/v3/index.json" {
        let packages = format!("http://{address}/packages/");
        let resource = json!({ "@id": packages, "@type": "PackageBaseAddress/3.0.0" });
        return Ok(json(
            &json!({ "version": "3.0.0", "resources": [resource] }),
        ));
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["packages", id, "index.json"] => {
            let mut versions = Vec::new();
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let version = name
                    .strip_prefix(id)
                    .and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".nupkg"));
                let starts_with_digit =
                    |text: &&str| text.starts_with(|first: char| first.is_ascii_digit());
                versions.extend(version.filter(starts_with_digit).map(str::to_owned));
            }
            versions.sort_unstable();
            let found = (!versions.is_empty()).then(|| json!({ "versions": versions }));
            Ok(found.as_ref().and_then(json))
        }
        ["packages", _, _, file] if !file.starts_with('.') => match fs::read(folder.join(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        },
        _ => Ok(None),
    }
}
