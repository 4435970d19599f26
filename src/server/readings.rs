//! Readings of the edges and of the process, taken when somebody scrapes: nothing is kept between two scrapes.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::git::Repository;
use crate::registry::{Client, Door};

/// More hosts than these share one label.
const MOST_HOSTS: usize = 100;
/// That label.
const OTHERS: &str = "others";

/// Where readings are taken.
pub struct Readings {
    /// Requests, doors.
    pub registry: Client,
    /// Transfers.
    pub git: Repository,
    /// Lines that the log lost.
    pub dropped_lines: fn() -> u64,
    /// Panics that did not end the process.
    pub panics: fn() -> u64,
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings").finish_non_exhaustive()
    }
}

type Labels = Vec<(&'static str, String)>;
type Rows<T> = Vec<(Labels, T)>;

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        self.requests(to)?;
        self.doors(to)?;
        self.transfers(to)?;
        let alone = |value| vec![(Labels::new(), value)];
        counters(
            to,
            (
                "log_lines_dropped",
                "Log lines lost because nobody took them",
                None,
            ),
            alone((self.dropped_lines)()),
        )?;
        counters(
            to,
            (
                "panics",
                "Bugs that ended a piece of work and not the process",
                None,
            ),
            alone((self.panics)()),
        )
    }
}

impl Readings {
    fn requests(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut hosts = Hosts::default();
        let mut rows: BTreeMap<[String; 3], u64> = BTreeMap::new();
        for (kind, count) in self.registry.stats().0 {
            let host = hosts.label(&kind.host);
            let row = [host, kind.method, kind.outcome.to_owned()];
            *rows.entry(row).or_default() += count;
        }
        let row = |([host, method, outcome], count): ([String; 3], u64)| {
            let labels = vec![("host", host), ("method", method), ("outcome", outcome)];
            (labels, count)
        };
        counters(
            to,
            (
                "registry_requests",
                "Requests to registries and those they send us to",
                None,
            ),
            rows.into_iter().map(row).collect(),
        )
    }

    fn doors(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let doors = self.registry.doors();
        let shown = &doors[..doors.len().min(MOST_HOSTS)];
        let each = |read: fn(&Door) -> u64| -> Rows<u64> {
            let row = |door: &Door| (vec![("host", door.host.clone())], read(door));
            shown.iter().map(row).collect()
        };
        let retries = ("registry_retries", "Requests made again at once", None);
        counters(to, retries, each(|door| door.retries))?;
        let refusals = (
            "registry_refusals",
            "Answers that sent us away for a while",
            None,
        );
        counters(to, refusals, each(|door| door.refusals))?;
        let received = ("registry_received", "Bodies read", Some(Unit::Bytes));
        counters(to, received, each(|door| door.received_bytes))?;
        let permits = (
            "registry_permits",
            "Requests that may be under way at a time",
            None,
        );
        gauges(to, permits, each(|door| door.permits))?;
        let free = (
            "registry_permits_free",
            "Those of them that nobody uses",
            None,
        );
        gauges(to, free, each(|door| door.free))?;
        let waiting = ("registry_waiting", "Requests that wait for a permit", None);
        gauges(to, waiting, each(|door| door.waiting))?;
        let shut = (
            "registry_shut_until_timestamp",
            "No request goes to this host before; 0 while it may be asked",
            Some(Unit::Seconds),
        );
        let until = |door: &Door| {
            let second = door.shut_until.map_or(0, |at| at.as_second());
            u64::try_from(second).unwrap_or_default()
        };
        gauges(to, shut, each(until))
    }

    fn transfers(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let traffic = self.git.traffic();
        let transfer = |kind: &str, outcome: &str, count| {
            let labels = vec![("kind", kind.to_owned()), ("outcome", outcome.to_owned())];
            (labels, count)
        };
        let rows = vec![
            transfer("fetch", "ok", traffic.fetches),
            transfer("fetch", "failed", traffic.failed_fetches),
            transfer("push", "ok", traffic.pushes),
            transfer("push", "failed", traffic.failed_pushes),
        ];
        counters(to, ("git_transfers", "Fetches and pushes", None), rows)?;
        let alone = |value| vec![(Labels::new(), value)];
        let requests = ("git_requests", "HTTP requests to the Git server", None);
        counters(to, requests, alone(traffic.requests))?;
        let received = ("git_received", "Bytes of its answers", Some(Unit::Bytes));
        counters(to, received, alone(traffic.received_bytes))?;
        let sent = ("git_sent", "Bytes of our requests", Some(Unit::Bytes));
        counters(to, sent, alone(traffic.sent_bytes))
    }
}

/// The first hosts by name get labels of their own.
#[derive(Default)]
struct Hosts(std::collections::BTreeSet<String>);

impl Hosts {
    fn label(&mut self, host: &str) -> String {
        if self.0.contains(host) || self.0.len() < MOST_HOSTS {
            self.0.insert(host.to_owned());
            host.to_owned()
        } else {
            OTHERS.to_owned()
        }
    }
}

/// Name, help and unit.
type About = (&'static str, &'static str, Option<Unit>);

fn counters(to: &mut DescriptorEncoder<'_>, about: About, rows: Rows<u64>) -> fmt::Result {
    let metrics = rows
        .into_iter()
        .map(|(labels, n)| (labels, ConstCounter::new(n)));
    write(to, about, metrics.collect())
}

fn gauges(to: &mut DescriptorEncoder<'_>, about: About, rows: Rows<u64>) -> fmt::Result {
    let gauge = |n| ConstGauge::new(i64::try_from(n).unwrap_or(i64::MAX));
    let metrics = rows.into_iter().map(|(labels, n)| (labels, gauge(n)));
    write(to, about, metrics.collect())
}

fn write<M: EncodeMetric>(
    to: &mut DescriptorEncoder<'_>,
    (name, help, unit): About,
    rows: Rows<M>,
) -> fmt::Result {
    let Some((_, first)) = rows.first() else {
        return Ok(());
    };
    let help = format!("{help}.");
    let mut metric = to.encode_descriptor(name, &help, unit.as_ref(), first.metric_type())?;
    for (labels, value) in &rows {
        if labels.is_empty() {
            return value.encode(metric);
        }
        value.encode(metric.encode_family(labels)?)?;
    }
    Ok(())
}
