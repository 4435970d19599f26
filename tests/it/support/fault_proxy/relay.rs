//! Carrying requests to the upstream and answers back, with the fault that each is to meet.

use std::io::{ErrorKind, Result};
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Shared;
use super::fault::{Fault, Reply};
use super::record::Seen;
use super::wire::{Body, Head, Valve};

/// Accepts until it is aborted; all connections end with it.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut all = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let connection = shared.record.connected();
        let shared = Arc::clone(&shared);
        // Whoever hangs up ends a connection with an error that is nobody's concern.
        all.spawn(async move {
            let _ = client.set_nodelay(true);
            let (from, to) = client.into_split();
            let mut client = Client {
                from: BufReader::new(from),
                to,
                shared: &shared,
                connection,
            };
            let _ = if shared.http {
                client.serve().await
            } else {
                client.tunnel().await
            };
        });
        while all.try_join_next().is_some() {}
    }
}

/// One connection of a client's.
struct Client<'a> {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    shared: &'a Shared,
    connection: usize,
}

/// A request on its way.
struct Exchange {
    at: usize,
    seen: Seen,
    head: Head,
    fault: Fault,
}

impl Client<'_> {
    async fn serve(&mut self) -> Result<()> {
        while let Some(head) = Head::read(&mut self.from).await? {
            let exchange = self.meet(head).await;
            if !self.exchange(exchange).await? {
                break;
            }
        }
        Ok(())
    }

    fn seen(&self, method: &str, target: &str, headers: Vec<(String, String)>) -> Seen {
        Seen {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            connection: self.connection,
            proxy: self.shared.host.clone(),
            status: None,
            body: 0,
        }
    }

    /// Counts a request and finds what it meets.
    async fn meet(&self, head: Head) -> Exchange {
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        let seen = self.seen(head.word(0), head.word(1), headers);
        let at = self.shared.record.came(seen.clone());
        let chosen = self.shared.rules.lock().unwrap().choose(&seen);
        tokio::time::sleep(chosen.0).await;
        let fault = match chosen.1 {
            Fault::Until(mut open) => {
                // A sender that is gone has let go as well.
                let _ = open.wait_for(|open| *open).await;
                Fault::Nothing
            }
            other => other,
        };
        Exchange {
            at,
            seen,
            head,
            fault,
        }
    }

    /// Whether the connection goes on.
    async fn exchange(&mut self, exchange: Exchange) -> Result<bool> {
        match &exchange.fault {
            Fault::Silence => self.wait_for_the_end().await,
            Fault::Reset => {
                self.to.as_ref().set_zero_linger()?;
                Ok(false)
            }
            Fault::Raw(bytes) => {
                self.to.write_all(bytes).await?;
                self.shared.record.sent_down(bytes.len());
                Ok(false)
            }
            Fault::Endless(headers) => {
                let reply = Reply {
                    status: 200,
                    headers: headers.clone(),
                    body: Vec::new(),
                };
                self.endless(&exchange, reply).await
            }
            Fault::Answer(answer) => {
                exchange.head.request_body().collect(&mut self.from).await?;
                let reply = answer(&exchange.seen);
                send(&mut self.to, self.shared, &exchange, reply).await
            }
            _ => self.pass(exchange).await,
        }
    }

    async fn wait_for_the_end(&mut self) -> Result<bool> {
        Body::UntilEnd.collect(&mut self.from).await?;
        Ok(false)
    }

    async fn endless(&mut self, exchange: &Exchange, mut reply: Reply) -> Result<bool> {
        reply.set_header("transfer-encoding", "chunked");
        let record = &self.shared.record;
        record.answering(exchange.at, 200);
        self.to.write_all(head_of(&reply).as_bytes()).await?;
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        loop {
            self.to.write_all(chunk.as_bytes()).await?;
            record.sent_down(chunk.len());
            record.body(exchange.at, chunk.len());
        }
    }

    /// Asks the upstream. Request and answer stream at the same time; an answer may come before the request's end.
    async fn pass(&mut self, exchange: Exchange) -> Result<bool> {
        let (from, mut to) = TcpStream::connect(&self.shared.upstream)
            .await?
            .into_split();
        let record = &self.shared.record;
        to.write_all(&exchange.head.raw).await?;
        record.sent_up(exchange.head.raw.len());
        let count = |bytes| record.sent_up(bytes);
        let mut up = Valve {
            to,
            left: match exchange.fault {
                Fault::CutRequest(left) => Some(left),
                _ => None,
            },
            pace: None,
            count: &count,
        };
        let body = exchange.head.request_body();
        let mut sending = pin!(body.pass(&mut self.from, &mut up));
        let answering = Answering {
            to: &mut self.to,
            shared: self.shared,
            exchange: &exchange,
        };
        let mut answering = pin!(answering.relay(BufReader::new(from)));
        tokio::select! {
            biased;
            sent = &mut sending => match sent {
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => Err(error),
                Err(_) => answering.await.map(|_| false),
                Ok(()) => answering.await,
            },
            answered = &mut answering => answered.map(|_| false),
        }
    }

    /// Forwards bytes without understanding them.
    async fn tunnel(&mut self) -> Result<()> {
        let seen = self.seen("TCP", "", Vec::new());
        let (late, fault) = self.shared.rules.lock().unwrap().choose(&seen);
        tokio::time::sleep(late).await;
        let record = &self.shared.record;
        match &fault {
            Fault::Silence => self.wait_for_the_end().await.map(|_| ()),
            Fault::Reset => self.to.as_ref().set_zero_linger(),
            Fault::Raw(bytes) => self.to.write_all(bytes).await,
            fault => {
                let upstream = TcpStream::connect(&self.shared.upstream).await?;
                let (from, to) = upstream.into_split();
                let (sent_up, sent_down) = (|n| record.sent_up(n), |n| record.sent_down(n));
                let mut up = valve(to, None, &sent_up);
                let mut down = valve(&mut self.to, Some(fault), &sent_down);
                if let Fault::CutRequest(left) = fault {
                    up.left = Some(*left);
                }
                let mut from = BufReader::new(from);
                tokio::select! {
                    ended = Body::UntilEnd.pass(&mut self.from, &mut up) => ended,
                    ended = Body::UntilEnd.pass(&mut from, &mut down) => ended,
                }
            }
        }
    }
}

/// The way back.
struct Answering<'a> {
    to: &'a mut OwnedWriteHalf,
    shared: &'a Shared,
    exchange: &'a Exchange,
}

impl Answering<'_> {
    /// Whether the connection goes on.
    async fn relay(self, mut from: BufReader<OwnedReadHalf>) -> Result<bool> {
        let record = &self.shared.record;
        let Exchange {
            at, seen, fault, ..
        } = self.exchange;
        let head = loop {
            let head = Head::read(&mut from).await?;
            let head = head.ok_or(ErrorKind::UnexpectedEof)?;
            if !matches!(head.status(), 100..=199) {
                break head;
            }
            self.to.write_all(&head.raw).await?;
        };
        let body = head.answer_body(&seen.method);
        match fault {
            Fault::LoseAnswer => {
                body.collect(&mut from).await?;
                return Ok(false);
            }
            Fault::Change(_) | Fault::Replay => {
                let body = body.collect(&mut from).await?;
                return self.send_changed(head, body).await;
            }
            _ => {}
        }
        record.answering(*at, head.status());
        let count = |bytes| record.sent_down(bytes);
        let mut down = valve(&mut *self.to, Some(fault), &count);
        down.left = match fault {
            Fault::CutHead(left) => Some(*left),
            _ => None,
        };
        down.send(&head.raw).await?;
        let count = |bytes| {
            record.sent_down(bytes);
            record.body(*at, bytes);
        };
        let mut down = valve(&mut *self.to, Some(fault), &count);
        if down.left == Some(0) {
            return Ok(false);
        }
        body.pass(&mut from, &mut down).await?;
        Ok(body != Body::UntilEnd && !head.says("connection", "close"))
    }

    async fn send_changed(self, head: Head, body: Vec<u8>) -> Result<bool> {
        let Exchange { seen, fault, .. } = self.exchange;
        let mut reply = Reply {
            status: head.status(),
            headers: head.headers,
            body,
        };
        reply.drop_header("transfer-encoding");
        if seen.method != "HEAD" {
            reply.drop_header("content-length");
        }
        match fault {
            Fault::Change(change) => change(&mut reply),
            _ => reply = self.shared.record.first(&seen.method, &seen.target, reply),
        }
        send(self.to, self.shared, self.exchange, reply).await
    }
}

/// Sends an answer of the proxy's own making; whether the connection goes on.
async fn send(
    to: &mut OwnedWriteHalf,
    shared: &Shared,
    exchange: &Exchange,
    mut reply: Reply,
) -> Result<bool> {
    let is_head = exchange.seen.method == "HEAD";
    let length = reply.body.len().to_string();
    let mut headers = reply.headers.iter();
    let said = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let lies = said.is_some_and(|(_, said)| *said != length) && !is_head;
    if said.is_none() {
        reply.set_header("content-length", &length);
    }
    shared.record.answering(exchange.at, reply.status);
    let head = head_of(&reply);
    to.write_all(head.as_bytes()).await?;
    shared.record.sent_down(head.len());
    if !is_head {
        to.write_all(&reply.body).await?;
        shared.record.sent_down(reply.body.len());
        shared.record.body(exchange.at, reply.body.len());
    }
    Ok(!lies)
}

/// A valve towards a client as a fault wants it.
fn valve<'a, W>(to: W, fault: Option<&Fault>, count: &'a (dyn Fn(usize) + Sync)) -> Valve<'a, W> {
    let mut valve = Valve {
        to,
        left: None,
        pace: None,
        count,
    };
    match fault {
        Some(Fault::CutBody(left)) => valve.left = Some(*left),
        Some(Fault::Drip(bytes, pause)) => valve.pace = Some((*bytes, *pause)),
        _ => {}
    }
    valve
}

fn head_of(reply: &Reply) -> String {
    let mut text = format!("HTTP/1.1 {} Odd\r\n", reply.status);
    for (name, value) in &reply.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}
