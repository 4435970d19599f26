//! The floor of asking registries, and a wire of a certain length that counts what goes over it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// What is accepted, as a client must say it.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A runtime of its own, so that what stands for the network does not run in ours.
pub(crate) fn apart() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// The least that asking can cost: one HEAD per tag over connections that stay open, nothing parsed but the head.
pub(crate) async fn heads(address: &str, tags: &[(String, String)], connections: usize) {
    let next = AtomicUsize::new(0);
    let work = (0..connections).map(|_| async {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        while let Some((repository, tag)) = tags.get(next.fetch_add(1, Ordering::Relaxed)) {
            let request = format!(
                "HEAD /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {address}\r\nAccept: {ACCEPT}\r\n\r\n"
            );
            write.write_all(request.as_bytes()).await.unwrap();
            assert_eq!(status(&mut read).await, 200, "{repository}:{tag}");
        }
    });
    futures_util::future::join_all(work).await;
}

async fn status(read: &mut BufReader<OwnedReadHalf>) -> u16 {
    let mut line = String::new();
    read.read_line(&mut line).await.unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    while line.trim_end() != "" {
        line.clear();
        read.read_line(&mut line).await.unwrap();
    }
    status
}

/// A wire to a server: every byte takes half a round trip, and a connection one more to be made, which loopback hides.
pub(crate) struct Wire {
    /// Where it begins.
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Wire {
    /// A wire to a server on this machine.
    pub(crate) fn to(server: &str, round_trip: Duration) -> Self {
        let runtime = apart();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (server, counter) = (server.to_owned(), Arc::clone(&requests));
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, counter) = (server.clone(), Arc::clone(&counter));
                tokio::spawn(join(client, server, round_trip, counter));
            }
        });
        Self {
            address,
            requests,
            _runtime: runtime,
        }
    }

    /// Requests without a body that went over it so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn join(client: TcpStream, server: String, round_trip: Duration, counter: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let half = round_trip / 2;
    tokio::join!(
        carry(client_read, server_write, half, round_trip, Some(counter)),
        carry(server_read, client_write, half, Duration::ZERO, None),
    );
}

/// Carries bytes one way. What comes while earlier bytes are still on their way follows behind them.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    half: Duration,
    setup: Duration,
    counter: Option<Arc<AtomicUsize>>,
) {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut first = setup;
    let mut open = true;
    let mut buffer = vec![0; 64 << 10];
    while open || !under_way.is_empty() {
        let due = under_way.front().map(|(at, _)| *at);
        tokio::select! {
            read = from.read(&mut buffer), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(count) => {
                    let bytes = buffer[..count].to_vec();
                    if let Some(counter) = &counter {
                        let ends = bytes.windows(4).filter(|w| w == b"\r\n\r\n").count();
                        counter.fetch_add(ends, Ordering::Relaxed);
                    }
                    under_way.push_back((Instant::now() + half + first, bytes));
                    first = Duration::ZERO;
                }
            },
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some((_, bytes)) = under_way.pop_front()
                    && to.write_all(&bytes).await.is_err()
                {
                    return;
                }
            }
        }
    }
}
