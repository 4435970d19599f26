//! The daemon that serves the same repository, if one runs where the settings say: what it waits for is in its memory alone, so
//! it is asked. Nobody answering is nothing to tell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use crate::cli::view::edges::Daemon;
use crate::config::DaemonSettings;
use crate::model::Timestamp;
use crate::plan::edges::EdgeReport;

/// How long it may take to connect, and to answer in all.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(2));
/// No status page that is read is longer, in bytes.
const LONGEST: usize = 16 << 20;

/// What is read of its status page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    repository: String,
    last_pass: Option<Timestamp>,
    pass_since: Option<Timestamp>,
    edges: Vec<EdgeReport>,
}

/// The daemon of this repository and the edges that it waits for.
pub(super) async fn ask(
    settings: &DaemonSettings,
    repository: &str,
) -> Option<(Daemon, Vec<EdgeReport>)> {
    let address = own(settings.listen?)?;
    let url = format!("http://{address}/status");
    let page = fetch(&url).await?;
    let page: Page = serde_json::from_slice(&page).ok()?;
    let daemon = Daemon {
        address: url,
        last_pass: page.last_pass,
        pass_since: page.pass_since,
    };
    (page.repository == repository).then_some((daemon, page.edges))
}

/// Where to ask on this machine; no other one is asked.
fn own(address: SocketAddr) -> Option<SocketAddr> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip if ip.is_loopback() => ip,
        _ => return None,
    };
    (address.port() != 0).then(|| SocketAddr::new(ip, address.port()))
}

async fn fetch(url: &str) -> Option<Vec<u8>> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PATIENCE.0)
        .timeout(PATIENCE.1)
        .build()
        .ok()?;
    let mut response = client.get(url).send().await.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    response.status().is_success().then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked() {
        let asked = |text: &str| own(text.parse().unwrap()).map(|at| at.to_string());
        assert_eq!(asked("127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(asked("0.0.0.0:8080").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(asked("[::]:8080").as_deref(), Some("[::1]:8080"));
        for other in ["10.0.0.5:8080", "127.0.0.1:0", "192.0.2.1:80"] {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
