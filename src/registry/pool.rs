//! The connections: one HTTP client for each way of trusting and reaching, and its errors in plain words.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Url};

use super::address::{BlockedAddress, GuardedResolver, Lookup, Reach, system};
use super::error::RegistryError;
use super::hosts::{Tls, authority};

/// The largest file of certificates that is read, in bytes.
const MAX_CA_FILE: u64 = 1024 * 1024;

/// Clients by how they trust (`None`: plain HTTP) and how far they reach.
pub(crate) struct Pool {
    clients: Mutex<HashMap<(Option<Tls>, Reach), reqwest::Client>>,
    connect: Duration,
    read: Duration,
    lookup: Lookup,
}

impl Pool {
    /// No connections yet.
    pub(crate) fn new(connect: Duration, read: Duration) -> Self {
        Self {
            clients: Mutex::default(),
            connect,
            read,
            lookup: system,
        }
    }

    /// The client for an address.
    pub(crate) fn client(
        &self,
        url: &Url,
        tls: &Tls,
        reach: Reach,
    ) -> Result<reqwest::Client, RegistryError> {
        let tls = (url.scheme() != "http").then(|| tls.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(tls.clone(), reach)) {
            return Ok(client.clone());
        }
        let client = self
            .build(tls.as_ref(), reach)
            .map_err(|detail| RegistryError::Tls {
                host: authority(url),
                detail,
            })?;
        clients.insert((tls, reach), client.clone());
        Ok(client)
    }

    fn build(&self, tls: Option<&Tls>, reach: Reach) -> Result<reqwest::Client, String> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // A proxy would choose the address that is connected, and no check of ours would hold.
            .no_proxy()
            .connect_timeout(self.connect)
            .read_timeout(self.read)
            .dns_resolver(GuardedResolver {
                reach,
                lookup: self.lookup,
            });
        let builder = match tls {
            None => builder.tls_certs_only([]),
            Some(Tls::System) => builder,
            Some(Tls::AndFile(file)) => builder.tls_certs_merge(certificates(file)?),
            Some(Tls::Unverified) => builder.tls_danger_accept_invalid_certs(true),
        };
        builder.build().map_err(|e| words(&e))
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, String> {
    let bad = |why: String| format!("the CA file `{}` cannot be used: {why}", file.display());
    let size = std::fs::metadata(file)
        .map_err(|e| bad(e.to_string()))?
        .len();
    if size > MAX_CA_FILE {
        return Err(bad(format!("it has more than {MAX_CA_FILE} bytes")));
    }
    let text = std::fs::read(file).map_err(|e| bad(e.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|e| bad(words(&e)))?;
    if certificates.is_empty() {
        return Err(bad("it holds no PEM certificate".to_owned()));
    }
    Ok(certificates)
}

/// What a failed connection means, in words an operator can act on.
pub(crate) fn connection_error(url: &Url, error: reqwest::Error) -> RegistryError {
    let host = authority(url);
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.is::<BlockedAddress>() {
            let detail = BlockedAddress.to_string();
            return RegistryError::Forbidden { host, detail };
        }
        cause = inner.source();
    }
    let detail = words(&error);
    if let Some(detail) = tls_words(&detail) {
        return RegistryError::Tls { host, detail };
    }
    if error.is_timeout() {
        let detail = "no answer in time".to_owned();
        return RegistryError::Network { host, detail };
    }
    RegistryError::Network { host, detail }
}

/// An error with all its causes, each once.
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text.chars().take(400).collect()
}

fn tls_words(text: &str) -> Option<String> {
    let known = [
        (
            "CaUsedAsEndEntity",
            "its certificate is a certificate authority's own, used as a server certificate; give the registry a \
             certificate issued by that authority and name the authority in `caFile`",
        ),
        (
            "UnknownIssuer",
            "its certificate comes from an unknown authority; name that authority's file in `caFile`",
        ),
        ("certificate expired", "its certificate has expired"),
        (
            "certificate not valid yet",
            "its certificate is not valid yet",
        ),
        ("not valid for name", "its certificate is for another host"),
        (
            "InvalidContentType",
            "it does not speak TLS; a host that speaks plain HTTP must be listed with `plainHttp`",
        ),
        (
            "ProtocolVersion",
            "it speaks no TLS version that is still considered safe",
        ),
    ];
    if let Some((_, words)) = known.iter().find(|(mark, _)| text.contains(mark)) {
        return Some((*words).to_owned());
    }
    let marks = [
        "invalid peer certificate",
        "received fatal alert",
        "peer is incompatible",
    ];
    let mark = marks.iter().find_map(|mark| text.find(mark))?;
    Some(text[mark..].to_owned())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::BoxFuture;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    type Found = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    fn at(address: impl Into<IpAddr>) -> SocketAddr {
        (address.into(), 0).into()
    }

    /// Nobody listens at the first two addresses, one of either family.
    fn dead_first(_: String) -> Found {
        let dead = [at([127, 0, 0, 9]), at("fd00::9".parse::<IpAddr>().unwrap())];
        let all = [dead[0], dead[1], at(Ipv4Addr::LOCALHOST)];
        Box::pin(async move { Ok(all.to_vec()) })
    }

    /// An address that is allowed at first and never again.
    fn rebinding(_: String) -> Found {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
        let address: IpAddr = if first {
            Ipv4Addr::LOCALHOST.into()
        } else {
            [169, 254, 169, 254].into()
        };
        Box::pin(async move { Ok(vec![at(address)]) })
    }

    async fn server() -> (u16, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (port, task)
    }

    async fn get(pool: &Pool, url: &Url) -> Result<u16, RegistryError> {
        let client = pool.client(url, &Tls::System, Reach::Local)?;
        let sent = client.get(url.clone()).send().await;
        sent.map(|answer| answer.status().as_u16())
            .map_err(|error| connection_error(url, error))
    }

    fn pool(lookup: Lookup) -> Pool {
        let second = Duration::from_secs(4);
        Pool {
            lookup,
            ..Pool::new(second, second)
        }
    }

    #[tokio::test]
    async fn a_dead_first_address_gives_way_to_a_live_one() {
        let (port, server) = server().await;
        let url = Url::parse(&format!("http://registry.test:{port}/")).unwrap();
        assert_eq!(get(&pool(dead_first), &url).await, Ok(204));
        server.abort();
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_the_second_time_is_not_followed_there() {
        let (port, server) = server().await;
        let url = Url::parse(&format!("http://registry.test:{port}/")).unwrap();
        let pool = pool(rebinding);
        assert_eq!(get(&pool, &url).await, Ok(204));
        assert!(matches!(
            get(&pool, &url).await,
            Err(RegistryError::Forbidden { .. })
        ));
        server.abort();
    }
}
