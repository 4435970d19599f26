//! What `set image-lookup` is about: streams by name, objects with pods by kind and name, and what is in files.

use std::collections::BTreeSet;

use crate::cli::args::LookupArgs;
use crate::cli::streams::{Found, Place, refused};
use crate::cli::view::words::counted;
use crate::cli::{CliError, Context};
use crate::manifests::pods::PodKind;
use crate::manifests::suggest::proposed;
use crate::model::StreamKey;

/// Streams and objects with pods.
#[derive(Default)]
pub(super) struct Meant {
    pub(super) streams: Vec<StreamKey>,
    pub(super) workloads: Vec<Found>,
    /// What was passed over.
    pub(super) notes: Vec<String>,
}

/// A word of the command line.
enum Word<'a> {
    Stream(&'a str),
    Workload(&'static PodKind, &'a str),
}

impl Meant {
    /// Everything that was named; without names all streams of the namespace.
    ///
    /// # Errors
    /// When something is not there, or it is not clear what is meant.
    pub(super) async fn of(
        context: &Context,
        place: &Place<'_>,
        args: &LookupArgs,
    ) -> Result<Self, CliError> {
        let mut meant = Self::default();
        let scene = place.scene(&place.docs);
        if args.names_nothing() {
            let all = scene.docs.streams.keys();
            let own = all.filter(|key| key.namespace == *scene.namespace);
            meant.streams = own.cloned().collect();
        }
        let mut objects = Vec::new();
        for word in args.names.iter().map(|name| parse(name)) {
            match word? {
                Word::Stream(name) => {
                    meant.streams.push(scene.stream_key(name).map_err(refused)?);
                }
                Word::Workload(kind, name) => objects.push((kind, name)),
            }
        }
        if !objects.is_empty() && args.files.is_empty() {
            meant.workloads = named(context, place, &objects).await?;
        }
        let named_streams = std::mem::take(&mut meant.streams);
        for file in &args.files {
            meant.add_file(place, file).await?;
        }
        match (args.names.is_empty(), args.files.is_empty()) {
            (_, true) => meant.streams = named_streams,
            (true, false) => {}
            (false, false) => meant.keep_only(&named_streams, &objects)?,
        }
        if let Some(selector) = &args.selector {
            meant.streams.retain(|key| {
                let located = scene.docs.streams.get(key);
                located.is_some_and(|l| selector.matches(&l.value.metadata.labels))
            });
            meant
                .workloads
                .retain(|found| selector.matches(&found.workload.labels));
        }
        meant.streams.sort();
        meant.streams.dedup();
        Ok(meant)
    }

    /// Of what stands in the files, only what was named; all of that must be there.
    fn keep_only(
        &mut self,
        streams: &[StreamKey],
        objects: &[(&'static PodKind, &str)],
    ) -> Result<(), CliError> {
        let is = |found: &Found, (kind, name): &(&'static PodKind, &str)| {
            found.workload.id.kind == *kind && found.workload.id.name == *name
        };
        let gone = streams.iter().filter(|key| !self.streams.contains(key));
        let gone = gone.map(ToString::to_string);
        let lacking = objects
            .iter()
            .filter(|object| !self.workloads.iter().any(|f| is(f, object)));
        let lacking = lacking.map(|(kind, name)| format!("{}/{name}", kind.plural));
        if let Some(missing) = gone.chain(lacking).next() {
            let message = format!("there is no {missing} in the files of -f");
            return Err(CliError::usage(message).help("headwater set image-lookup --list -f FILE"));
        }
        self.streams.retain(|key| streams.contains(key));
        self.workloads
            .retain(|found| objects.iter().any(|object| is(found, object)));
        Ok(())
    }

    /// Every object of these kinds that somebody wrote.
    ///
    /// # Errors
    /// When files cannot be listed or read.
    pub(super) async fn all(place: &Place<'_>, kinds: &[&str]) -> Result<Self, CliError> {
        let search = place.search(kinds).await?;
        let own = search
            .found
            .into_iter()
            .filter(|found| !found.is_generated());
        let passed = search.unreadable.iter();
        Ok(Self {
            streams: Vec::new(),
            workloads: own.collect(),
            notes: passed
                .map(|path| format!("passed over `{path}`, which is no YAML"))
                .collect(),
        })
    }

    /// All streams and objects with pods of a file.
    async fn add_file(
        &mut self,
        place: &Place<'_>,
        file: &std::path::Path,
    ) -> Result<(), CliError> {
        let inside = place.in_file(file).await?;
        let docs = &place.docs;
        let streams = docs.streams.iter();
        let streams = streams.filter(|(_, located)| located.path == inside.path);
        let streams: Vec<StreamKey> = streams.map(|(key, _)| key.clone()).collect();
        let shown = file.display();
        if streams.is_empty() && inside.workloads.is_empty() {
            return Err(CliError::usage(format!(
                "there is no image stream and nothing with pods in `{shown}`"
            ))
            .help("headwater set image-lookup --list"));
        }
        let others = inside.others.saturating_sub(streams.len());
        if others > 0 {
            let others = counted(others, "other object");
            self.notes
                .push(format!("passed over in `{shown}`: {others} without images"));
        }
        self.streams.extend(streams);
        self.workloads.extend(inside.workloads);
        Ok(())
    }
}

/// `deployment/web`, `is/keycloak`, `keycloak` or `team/keycloak`.
fn parse(text: &str) -> Result<Word<'_>, CliError> {
    let Some((kind, name)) = text.split_once('/') else {
        return Ok(Word::Stream(text));
    };
    let stream = ["is", "imagestream", "imagestreams"];
    let bare = kind.split_once('.').map_or(kind, |(bare, _)| bare);
    if stream.contains(&bare.to_ascii_lowercase().as_str()) {
        return Ok(Word::Stream(name));
    }
    match PodKind::named(kind) {
        None => Ok(Word::Stream(text)),
        Some(kind) if !name.is_empty() && !name.contains('/') => Ok(Word::Workload(kind, name)),
        Some(kind) => Err(
            CliError::usage(format!("`{text}` is not KIND/NAME")).help(format!(
                "write {}/NAME; its namespace is said by -n",
                kind.plural
            )),
        ),
    }
}

/// Each object that was named; it must stand in one file only.
async fn named(
    context: &Context,
    place: &Place<'_>,
    objects: &[(&'static PodKind, &str)],
) -> Result<Vec<Found>, CliError> {
    let kinds: Vec<&str> = objects.iter().map(|(kind, _)| kind.kind).collect();
    let search = place.search(&kinds).await?;
    let namespace = context.globals.namespace.as_ref();
    let here = |found: &&Found| {
        let own = found.workload.id.namespace.as_deref();
        own.is_none_or(|own| namespace.is_none_or(|asked| asked.as_str() == own))
    };
    let mut chosen: Vec<Found> = Vec::new();
    for (kind, name) in objects {
        let shown = format!("{}/{name}", kind.plural);
        let of_kind = search.found.iter().filter(here);
        let of_kind: Vec<&Found> = of_kind.filter(|f| f.workload.id.kind == *kind).collect();
        let all = of_kind.iter().copied();
        let all: Vec<&Found> = all.filter(|f| f.workload.id.name == *name).collect();
        // What is rendered counts only where nobody wrote one by hand.
        let own: Vec<&Found> = all.iter().copied().filter(|f| !f.is_generated()).collect();
        match (own.as_slice(), all.as_slice()) {
            ([one], _) | ([], [one, ..]) => chosen.push((*one).clone()),
            ([], []) => {
                let known = of_kind.iter().map(|found| found.workload.id.to_string());
                let known: BTreeSet<String> = known.collect();
                let error = CliError::usage(format!("there is no {shown} in any manifest here"));
                let meant = proposed(&shown, known.iter().map(String::as_str));
                return Err(match search.unreadable.first() {
                    Some(path) if known.is_empty() => error.help(format!(
                        "`{path}` is no YAML and was passed over; what is in a template or chart is edited by hand"
                    )),
                    _ if known.is_empty() => error.help(format!(
                        "every .yaml, .yml and .json file here was looked at; what has pods: {}",
                        PodKind::all().collect::<Vec<_>>().join(", ")
                    )),
                    _ => error.help(meant),
                });
            }
            (several, _) => {
                let files: Vec<&str> = several.iter().map(|f| f.path.as_str()).collect();
                return Err(
                    CliError::usage(format!("{shown} stands in {}", files.join(", ")))
                        .help("say which one is meant with -f FILE, or its namespace with -n"),
                );
            }
        }
    }
    Ok(chosen)
}
