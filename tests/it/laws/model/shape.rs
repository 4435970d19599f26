//! Random pipelines: their shape, and the files that say so.

use std::fmt::Write as _;

use proptest::prelude::*;

/// Names of stages, by their place in the pipeline.
pub(super) const STAGES: [&str; 4] = ["dev", "qa", "pre", "prod"];
/// Names of streams.
pub(super) const STREAMS: [&str; 2] = ["a", "b"];
/// How long a `soak` is, in seconds.
pub(super) const SOAK: i64 = 600;
/// How old `age` wants a set, in seconds.
pub(super) const AGE: i64 = 1200;
/// How soon after it came a stage with `autoRollback` goes back, in seconds.
pub(super) const WITHIN: i64 = 3600;

/// What a stage takes its sets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    /// The stage before it.
    Before,
    /// The first stage, however many lie between.
    Root,
    /// The two stages before it, both.
    Both,
    /// The two stages before it, either.
    Either,
}

/// Where a stage is, and how its changes are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In no environment: as the repository says.
    Nowhere,
    /// In an environment of its own that takes commits.
    Commit,
    /// In one that takes pull requests, with so many approvals, merged by a person or by us.
    Pull { approvals: u32, by_person: bool },
}

/// One stage.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) sources: Sources,
    pub(super) place: Place,
    pub(super) tests: bool,
    pub(super) soak: bool,
    pub(super) age: bool,
    pub(super) window: bool,
    pub(super) queue: bool,
    pub(super) supersede: &'static str,
    pub(super) vouched: bool,
    pub(super) auto: bool,
}

/// One pipeline.
#[derive(Debug, Clone)]
pub(super) struct Road {
    /// How many streams travel together.
    pub(super) streams: usize,
    /// Later stages; before them is `dev`.
    pub(super) stops: Vec<Stop>,
    /// How `dev` takes builds.
    pub(super) first: Place,
}

/// All pipelines; the second one reads the same streams as the first.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) roads: Vec<Road>,
    /// Whether stages without environments are handed over as pull requests.
    pub(super) nowhere_by_pull: bool,
}

impl Road {
    /// How many stages there are.
    pub(super) fn len(&self) -> usize {
        self.stops.len() + 1
    }

    /// The stages that a later one takes its sets from, and whether one of them is enough.
    pub(super) fn sources(&self, stage: usize) -> (Vec<usize>, bool) {
        let two = || vec![stage.saturating_sub(2), stage - 1];
        match self.stops[stage - 1].sources {
            Sources::Root => (vec![0], false),
            Sources::Both if stage > 1 => (two(), false),
            Sources::Either if stage > 1 => (two(), true),
            _ => (vec![stage - 1], false),
        }
    }

    /// Where a stage is.
    pub(super) fn place(&self, stage: usize) -> Place {
        match stage {
            0 => self.first,
            later => self.stops[later - 1].place,
        }
    }

    /// The rules of a later stage.
    pub(super) fn stop(&self, stage: usize) -> Option<&Stop> {
        self.stops.get(stage.checked_sub(1)?)
    }

    /// The stage whose approvals count in this one as well.
    pub(super) fn vouching(&self, stage: usize) -> Option<usize> {
        let stop = self.stop(stage).filter(|stop| stop.vouched && stage > 1)?;
        let is_pull = |place| matches!(place, Place::Pull { approvals: 1.., .. });
        (is_pull(stop.place) && is_pull(self.place(stage - 1))).then(|| stage - 1)
    }
}

impl Shape {
    /// The name of a pipeline.
    pub(super) fn pipeline(&self, road: usize) -> &'static str {
        ["p", "q"][road]
    }

    /// The tag of a stage.
    pub(super) fn tag(&self, road: usize, stage: usize) -> String {
        format!("{}-{}", self.pipeline(road), STAGES[stage])
    }

    /// How many streams there are.
    pub(super) fn streams(&self) -> usize {
        self.roads.iter().map(|r| r.streams).max().unwrap_or(1)
    }

    /// Whether a stage is handed over as pull requests.
    pub(super) fn by_pull(&self, road: usize, stage: usize) -> bool {
        match self.roads[road].place(stage) {
            Place::Nowhere => self.nowhere_by_pull,
            Place::Commit => false,
            Place::Pull { .. } => true,
        }
    }

    /// Passes at one instant after which there must be nothing left to do. Where all is delivered by commit, that is the
    /// longest pipeline and two. A pull request takes a pass to open, one to be made anew on a base that moved, and one to
    /// merge, and one pass merges one of them.
    pub(super) fn most_passes(&self) -> usize {
        let lengths = self.roads.iter().map(Road::len);
        let longest = lengths.max().unwrap_or(1);
        let all = (0..self.roads.len()).flat_map(|r| (0..self.roads[r].len()).map(move |s| (r, s)));
        let pulls = all.filter(|(r, s)| self.by_pull(*r, *s)).count();
        longest + 2 + 3 * pulls
    }

    /// The files of a new repository.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![("headwater.yaml".to_owned(), self.config())];
        for (stream, name) in STREAMS.iter().enumerate().take(self.streams()) {
            let path = format!("pipelines/{name}/imagestream.yaml");
            files.push((path, self.stream(stream)));
        }
        for (index, road) in self.roads.iter().enumerate() {
            let name = self.pipeline(index);
            files.push((format!("pipelines/{name}.yaml"), self.road(index)));
            for stage in 0..road.len() {
                let environment = self.tag(index, stage);
                if let Some(text) = environment_of(&environment, road.place(stage)) {
                    files.push((format!("environments/{environment}.yaml"), text));
                }
            }
        }
        files
    }

    fn config(&self) -> String {
        let delivery = if self.nowhere_by_pull {
            "pullRequest"
        } else {
            "commit"
        };
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {{name: config}}\nspec:\n  delivery: {delivery}\n  import: {{interval: 5m}}\n"
        )
    }

    fn stream(&self, stream: usize) -> String {
        let name = STREAMS[stream];
        let mut text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec:\n  tags:\n"
        );
        for (index, road) in self.roads.iter().enumerate() {
            if stream < road.streams {
                let tag = self.tag(index, 0);
                let _ = write!(
                    text,
                    "    - name: {tag}\n      from: {{kind: DockerImage, name: \"registry.example/acme/{name}:main\"}}\n      importPolicy: {{scheduled: true}}\n"
                );
            }
        }
        text
    }

    fn road(&self, index: usize) -> String {
        let road = &self.roads[index];
        let name = self.pipeline(index);
        let streams = STREAMS[..road.streams].join(", ");
        let mut text = format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {name}}}\nspec:\n  streams: [{streams}]\n  stages:\n"
        );
        for (stage, named) in STAGES.iter().enumerate().take(road.len()) {
            let tag = self.tag(index, stage);
            let environments = match road.place(stage) {
                Place::Nowhere => String::new(),
                _ => tag.clone(),
            };
            let _ = write!(
                text,
                "    - name: {named}\n      tag: {tag}\n      environments: [{environments}]\n"
            );
            if let Some(stop) = road.stop(stage) {
                text += &rules(road, stage, stop);
            }
        }
        text
    }
}

/// What a later stage says beside its name.
fn rules(road: &Road, stage: usize, stop: &Stop) -> String {
    let (sources, any) = road.sources(stage);
    let names: Vec<&str> = sources.iter().map(|s| STAGES[*s]).collect();
    let names = names.join(", ");
    let mut text = match any {
        true => format!("      from: {{any: [{names}]}}\n"),
        false => format!("      from: [{names}]\n"),
    };
    let mut verify = Vec::new();
    if stop.tests {
        let passed = |s: &&str| format!("images[\"{s}\"].labels[\"tests\"] == \"passed\"");
        let all: Vec<String> = STREAMS[..road.streams].iter().map(passed).collect();
        verify.push(format!("expression: '{}'", all.join(" && ")));
    }
    if stop.soak {
        verify.push("soak: 10m".to_owned());
    }
    let mut enter = Vec::new();
    if stop.age {
        enter.push("age: 20m".to_owned());
    }
    if stop.window {
        enter.push("window: {allow: [\"08:00-10:00\"], timeZone: UTC}".to_owned());
    }
    for (word, gates) in [("verify", &verify), ("enter", &enter)] {
        if !gates.is_empty() {
            let _ = writeln!(text, "      {word}:");
        }
        for gate in gates {
            let _ = writeln!(text, "        - {gate}");
        }
    }
    if stop.queue {
        text += "      order: queue\n";
    }
    if stop.supersede != "untilApproved" {
        let _ = writeln!(text, "      supersede: {}", stop.supersede);
    }
    if let Some(other) = road.vouching(stage) {
        let _ = writeln!(text, "      approvedBy: {}", STAGES[other]);
    }
    if stop.auto && !verify.is_empty() {
        text += "      autoRollback: {within: 1h}\n";
    }
    text
}

fn environment_of(name: &str, place: Place) -> Option<String> {
    let rules = match place {
        Place::Nowhere => return None,
        Place::Commit => "  delivery: commit\n".to_owned(),
        Place::Pull {
            approvals,
            by_person,
        } => {
            let merge = if by_person { "person" } else { "bot" };
            let count = match approvals {
                0 => String::new(),
                count => format!("  approvals: {{count: {count}}}\n"),
            };
            format!("  delivery: pullRequest\n  pullRequest: {{merge: {merge}}}\n{count}")
        }
    };
    Some(format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec:\n{rules}"
    ))
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        3 => Just(Place::Commit),
        2 => Just(Place::Nowhere),
        4 => (0..3u32, prop::bool::weighted(0.15))
            .prop_map(|(approvals, by_person)| Place::Pull { approvals, by_person }),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    let sources = prop_oneof![
        4 => Just(Sources::Before),
        1 => Just(Sources::Root),
        2 => Just(Sources::Both),
        2 => Just(Sources::Either),
    ];
    let supersede = prop_oneof![
        3 => Just("untilApproved"),
        1 => Just("always"),
        1 => Just("never"),
    ];
    let rarely = || prop::bool::weighted(0.2);
    let gates = (prop::bool::weighted(0.4), rarely(), rarely(), rarely());
    (
        sources,
        place(),
        gates,
        rarely(),
        supersede,
        any::<bool>(),
        rarely(),
    )
        .prop_map(
            |(sources, place, (tests, soak, age, window), queue, supersede, vouched, auto)| Stop {
                sources,
                place,
                tests,
                soak,
                age,
                window,
                queue,
                supersede,
                vouched,
                auto,
            },
        )
}

fn road() -> impl Strategy<Value = Road> {
    let first = prop_oneof![
        5 => Just(Place::Commit),
        2 => Just(Place::Nowhere),
        1 => Just(Place::Pull { approvals: 0, by_person: false }),
        1 => Just(Place::Pull { approvals: 1, by_person: false }),
    ];
    let streams = prop_oneof![2 => Just(1), 1 => Just(2)];
    (streams, prop::collection::vec(stop(), 1..4), first).prop_map(|(streams, stops, first)| Road {
        streams,
        stops,
        first,
    })
}

/// Any shape.
pub(super) fn shape() -> impl Strategy<Value = Shape> {
    (
        prop::collection::vec(road(), 1..3),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(roads, nowhere_by_pull)| Shape {
            roads,
            nowhere_by_pull,
        })
}
