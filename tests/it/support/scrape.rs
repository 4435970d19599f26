//! A strict reader of Prometheus' text format 0.0.4: whatever the format does not allow fails.

use std::collections::{BTreeMap, BTreeSet};

/// What a scrape said.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// Kinds of families by name.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Values by name and labels.
    pub(crate) samples: BTreeMap<(String, Vec<(String, String)>), f64>,
}

impl Scrape {
    /// Reads the whole body.
    #[track_caller]
    pub(crate) fn read(body: &str) -> Self {
        assert!(body.ends_with('\n'), "the last line has no end");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut family = String::new();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                assert!(is_name(name) && help.len() > 5, "{line}");
                assert!(helped.insert(name.to_owned()), "{name} is told of twice");
                family = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                assert_eq!(name, family, "TYPE follows HELP");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(
                    scrape
                        .kinds
                        .insert(name.to_owned(), kind.to_owned())
                        .is_none()
                );
            } else {
                scrape.sample(line, &family);
            }
        }
        scrape.histograms();
        scrape
    }

    fn sample(&mut self, line: &str, family: &str) {
        let end = line.find(['{', ' ']).expect(line);
        let (name, mut rest) = line.split_at(end);
        let mut labels = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            (labels, rest) = read_labels(inner);
        }
        let value = rest.strip_prefix(' ').expect(line);
        assert!(
            !value.contains(' '),
            "neither spaces nor timestamps: {line}"
        );
        let value: f64 = match value {
            "+Inf" => f64::INFINITY,
            value => value.parse().expect(line),
        };
        let kind = self
            .kinds
            .get(family)
            .unwrap_or_else(|| panic!("no TYPE before {line}"));
        let suffixes: &[&str] = match kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let suffix = name.strip_prefix(family).expect(line);
        assert!(
            suffixes.contains(&suffix),
            "{line} is in the family {family}"
        );
        let names: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), labels.len(), "a label twice: {line}");
        let key = (name.to_owned(), labels);
        assert!(self.samples.insert(key, value).is_none(), "twice: {line}");
    }

    /// Buckets only grow, the last is endless and holds all.
    fn histograms(&self) {
        for name in self
            .kinds
            .iter()
            .filter(|(_, kind)| *kind == "histogram")
            .map(|(n, _)| n)
        {
            let bucket = format!("{name}_bucket");
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter(|((n, _), _)| *n == bucket)
                .map(|((_, labels), count)| {
                    let (_, le) = labels.iter().find(|(name, _)| name == "le").unwrap();
                    (le.replace("+Inf", "inf").parse().unwrap(), *count)
                })
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1),
                "{buckets:?}"
            );
            let (last, all) = *buckets.last().unwrap();
            assert!(last.is_infinite());
            assert_eq!(self.sum(&format!("{name}_count"), &[]), all);
            assert!(
                self.samples
                    .contains_key(&(format!("{name}_sum"), Vec::new()))
            );
        }
    }

    /// The sum of all samples of a name that bear these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let bears = |have: &[(String, String)]| {
            labels
                .iter()
                .all(|(k, v)| have.iter().any(|(n, w)| n == k && w == v))
        };
        let fit = self.samples.iter();
        let fit = fit.filter(|((n, have), _)| n == name && bears(have));
        fit.map(|(_, value)| value).sum()
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// Labels up to `}`, and what follows.
fn read_labels(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect("a label has a value");
        assert!(is_name(name), "{name}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => match chars.next().expect("an escape is whole").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("\\{c} is no escape"),
                },
                (_, c) => value.push(c),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
        match rest.split_at(1) {
            (",", more) => rest = more,
            ("}", more) => return (labels, more),
            _ => panic!("after a label comes another or the end: {rest}"),
        }
    }
}

#[test]
fn the_reader_takes_what_is_allowed_and_nothing_else() {
    let good = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"\\\"1\\\\\",y=\"\"} 3\na_total{x=\"2\"} 4\n";
    let scrape = Scrape::read(good);
    assert_eq!(scrape.sum("a_total", &[("x", "\"1\\")]), 3.0);
    assert_eq!(scrape.sum("a_total", &[]), 7.0);
    for bad in [
        "a_total 3\n",
        "# HELP a_total Things.\n# TYPE a_total counter\na_total 3",
        "# HELP a_total Things.\n# TYPE a_total gauge\na_total 3\n",
        "# HELP a Things.\n# TYPE a counter\na 3\n",
        "# HELP a Things.\n# TYPE a gauge\nb 3\n",
        "# HELP a Things.\n# TYPE a gauge\na{x=1} 3\n",
        "# HELP a Things.\n# TYPE a gauge\na{x=\"1\" 3\n",
        "# HELP a Things.\n# TYPE a gauge\na 3\na 3\n",
        "# HELP a Things.\n# TYPE a gauge\na three\n",
        "# HELP a Things.\n# TYPE a gauge\na 3 1700000000\n",
    ] {
        let read = std::panic::catch_unwind(|| Scrape::read(bad));
        assert!(read.is_err(), "{bad}");
    }
}
