//! A host that answers as a test tells it to, well or badly, and keeps what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a path is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status, a body, and headers beside its length.
    Whole(u16, Vec<u8>, Vec<(&'static str, String)>),
    /// A body that never ends.
    Endless,
    /// Nothing, and the connection stays.
    Silent,
    /// A head, and then a byte now and then.
    Trickle,
    /// The connection is cut.
    Cut,
}

impl Reply {
    /// A good answer with this JSON.
    pub(crate) fn json(text: &str) -> Self {
        let kind = ("content-type", "application/json".to_owned());
        Self::Whole(200, text.as_bytes().to_vec(), vec![kind])
    }

    /// A status with an empty body.
    pub(crate) fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), Vec::new())
    }
}

/// A request: path with query, and headers by name in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    replies: BTreeMap<String, Reply>,
    requests: Vec<Request>,
}

/// The host. It is gone when dropped.
pub(crate) struct Answering {
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Answering {
    /// One that answers 404 to everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    /// Its host as addresses name it.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same by a name that leads to this machine.
    pub(crate) fn named(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// From now on this path is answered so, whatever its query.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        let mut state = self.state.lock().unwrap();
        state.replies.insert(path.to_owned(), reply);
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let bare = path.split('?').next().unwrap_or_default().to_owned();
    let reply = {
        let mut state = state.lock().unwrap();
        let headers = headers.collect();
        state.requests.push(Request { path, headers });
        state.replies.get(&bare).cloned()
    };
    // Whoever asked may have gone meanwhile.
    let _ = write(&mut stream, reply.unwrap_or_else(|| Reply::status(404))).await;
}

async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Whole(status, body, headers) => {
            let mut head = format!(
                "HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            stream.write_all(format!("{head}\r\n").as_bytes()).await?;
            stream.write_all(&body).await
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 Said\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 16 << 10]).await?;
            }
        }
        Reply::Trickle => {
            stream.write_all(b"HTTP/1.1 200 Said\r\n\r\n").await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        Reply::Silent => {
            std::future::pending::<()>().await;
            Ok(())
        }
        Reply::Cut => Ok(()),
    }
}
