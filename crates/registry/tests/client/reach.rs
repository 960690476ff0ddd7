//! A host that cannot be spoken to is told at once, with the reason: TLS, names, proxies.

use crate::support::{Client, image, one, read_layers};
use fs_err as fs;
use mizzen_registry::{ErrorKind, HostSettings, Proxies, Reach, RegistryError, Settings};
use mizzen_testkit::{Certificates, DockerRegistry, DockerRegistrySettings, Fault, MemoryRegistry};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn with_tls(certificate: &(String, String)) -> DockerRegistry {
    DockerRegistry::start_with(&DockerRegistrySettings {
        tls: Some(certificate.clone()),
        ..DockerRegistrySettings::default()
    })
    .unwrap()
}

fn special(host: &str, change: impl FnOnce(&mut HostSettings)) -> impl FnOnce(&mut Settings) {
    let host = host.to_owned();
    move |settings| {
        let mut special = HostSettings::default();
        change(&mut special);
        settings.hosts.insert(host, special);
    }
}

fn file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("ca.pem");
    fs::write(&path, text).unwrap();
    path
}

/// Pushes, and returns why the registry could not be reached, and by how many requests that was found.
fn reason(client: &Client, host: &str) -> (Reach, u64) {
    let error = client.push(&format!("{host}/shop:1"), &one(image(&["layer"])));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let RegistryError::Unreachable { reason, .. } = error else {
        panic!("{error:?}");
    };
    (reason, client.registry.counts().requests)
}

#[test]
fn a_certificate_that_signs_itself_is_taken_where_it_is_named() {
    let (certificates, folder) = (Certificates::new(), tempfile::tempdir().unwrap());
    let registry = with_tls(&certificates.self_signed);
    let host = registry.host();
    let named = file(folder.path(), &certificates.self_signed.0);
    let what = one(image(&["layer"]));
    let to = format!("{host}/shop:1");
    Client::with(special(&host, |host| host.ca = Some(named.clone())))
        .push(&to, &what)
        .unwrap();
    for by_folder in [false, true] {
        let client = Client::with(|settings| {
            special(&host, |host| host.insecure = Some(false))(settings);
            if by_folder {
                settings.ca_folders = vec![folder.path().to_owned(), "/nowhere".into()];
            } else {
                settings.ca_bundle = Some(named.clone());
            }
        });
        let pulled = client.pull(&to).unwrap();
        assert_eq!(read_layers(&pulled).unwrap(), ["layer"]);
    }
    // It stands for the names in it and for no other; another one of the same names for none.
    let other_name = host.replace("localhost", "0.0.0.0");
    let client = Client::with(special(&other_name, |host| host.ca = Some(named)));
    assert_eq!(reason(&client, &other_name), (Reach::Tls, 1));
    let other = file(folder.path(), &Certificates::new().self_signed.0);
    let client = Client::with(special(&host, |host| host.ca = Some(other)));
    assert_eq!(reason(&client, &host), (Reach::Authority, 1));
}

#[test]
fn what_is_wrong_with_tls_is_found_by_one_request_and_named() {
    let certificates = Certificates::new();
    let closed = with_tls(&certificates.server);
    let open = DockerRegistry::start().unwrap();
    let client = Client::with(special(&open.host(), |host| host.insecure = Some(false)));
    assert_eq!(reason(&client, &open.host()), (Reach::PlainHttp, 1));
    let client = Client::with(special(&closed.host(), |host| host.insecure = Some(false)));
    assert_eq!(reason(&client, &closed.host()), (Reach::Authority, 1));
    // Plain HTTP is what loopback is asked by. The answer to a HEAD has no text that would say more.
    let (reach, requests) = reason(&Client::new(), &closed.host());
    assert_eq!(reach, Reach::Https);
    assert!(requests <= 4, "{requests}");
    let error = Client::new()
        .pull(&format!("{}/shop:1", closed.host()))
        .unwrap_err();
    assert!(
        matches!(
            error,
            RegistryError::Unreachable {
                reason: Reach::Https,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_name_that_nobody_knows_and_a_port_where_nothing_listens_are_asked_once() {
    let client = Client::new();
    assert_eq!(reason(&client, "registry.invalid"), (Reach::Name, 1));
    let gone = MemoryRegistry::start().host();
    assert_eq!(reason(&Client::new(), &gone), (Reach::Refused, 1));
}

fn through(http: Option<&str>, https: Option<&str>) -> Client {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let proxies = Proxies {
        http: owned(http),
        https: owned(https),
        except: String::new(),
    };
    Client::with(|settings| {
        special("plain.invalid", |host| host.insecure = Some(true))(settings);
        settings.proxies = proxies;
    })
}

#[test]
fn a_proxy_that_is_down_or_wants_a_password_is_named_without_one_and_asked_once() {
    let gone = MemoryRegistry::start().host();
    let picky = MemoryRegistry::start();
    picky.play(|_, _| Some(Fault::Status(407, Vec::new())));
    for host in [gone, picky.host()] {
        let url = format!("http://user:secret@{host}");
        for (http, https, registry) in [
            (Some(&*url), None, "plain.invalid"),
            (None, Some(&*url), "tls.invalid"),
        ] {
            let (reach, requests) = reason(&through(http, https), registry);
            assert_eq!(reach, Reach::Proxy(host.clone()), "{registry}");
            assert_eq!(requests, 1, "{registry}");
        }
    }
}

/// A SOCKS5 proxy that leads every connection to `to`; returns its address and counts connections.
fn socks_proxy(to: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            counted.fetch_add(1, SeqCst);
            let (mut client, to) = (client.unwrap(), to.clone());
            std::thread::spawn(move || {
                // Version and methods; then version, connect, a name and a port.
                let mut greeting = [0; 2];
                client.read_exact(&mut greeting).ok()?;
                let mut methods = vec![0; greeting[1].into()];
                client.read_exact(&mut methods).ok()?;
                client.write_all(&[5, 0]).ok()?;
                let mut request = [0; 5];
                client.read_exact(&mut request).ok()?;
                assert_eq!(request[3], 3, "a name is looked up by the proxy");
                let mut name = vec![0; usize::from(request[4]) + 2];
                client.read_exact(&mut name).ok()?;
                client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
                let server = TcpStream::connect(to).ok()?;
                let (mut up, mut down) = (client.try_clone().ok()?, server.try_clone().ok()?);
                let (mut client, mut server) = (client, server);
                std::thread::spawn(move || {
                    std::io::copy(&mut up, &mut server).ok();
                    server.shutdown(std::net::Shutdown::Both).ok();
                });
                std::io::copy(&mut down, &mut client).ok();
                client.shutdown(std::net::Shutdown::Both).ok()
            });
        }
    });
    (address, connections)
}

#[test]
fn a_socks_proxy_is_spoken_to() {
    let registry = MemoryRegistry::start();
    let (address, connections) = socks_proxy(registry.host());
    let client = through(Some(&format!("socks5h://{address}")), None);
    client
        .push("plain.invalid/shop:1", &one(image(&["layer"])))
        .unwrap();
    assert!(connections.load(SeqCst) > 0);
    assert!(registry.manifest("shop", "1").is_some());
}
