//! Killed at every step that anybody outside can see: what a second run makes of it is what one whole run makes.

use std::collections::BTreeMap;

use crate::support::crash::{Cut, Door, Steps, When};

use super::*;

/// What is done to the repository, one after the other.
const ACTS: [Act; 5] = [
    Act::run("import, promote to qa, propose for prod", Some("1.0.0")),
    Act {
        name: "approve",
        build: None,
        words: &["pr", "approve", "app/prod"],
    },
    Act::run("merge", None),
    Act::run("a second build, proposed", Some("1.1.0")),
    Act::run(
        "a third build, which takes the open one over",
        Some("1.2.0"),
    ),
];

/// Cuts at random steps; all of them where the long variant is wanted.
const SOME: usize = 12;
const MANY: usize = 200;

struct Act {
    name: &'static str,
    build: Option<&'static str>,
    words: &'static [&'static str],
}

impl Act {
    const fn run(name: &'static str, build: Option<&'static str>) -> Self {
        Self {
            name,
            build,
            words: &["run"],
        }
    }
}

/// A machine behind doors.
struct Scene {
    machine: Machine,
    steps: Steps,
    git: Door,
    _registry: Door,
}

impl Scene {
    async fn start() -> Self {
        let machine = Machine::start().await;
        let steps = Steps::default();
        let git = Door::to(&machine.git.origin(), &steps).await;
        let registry = Door::to(&machine.registry.url(), &steps).await;
        machine.settle_settings(|settings| {
            settings["registry"]["registries"][0]["mirror"] = registry.origin().into();
        });
        Self {
            machine,
            steps,
            git,
            _registry: registry,
        }
    }

    /// Runs an act to its end, or to the cut; the steps it took.
    async fn act(&self, act: &Act, cut: Option<Cut>) -> Vec<String> {
        let url = format!("{}/base.git", self.git.origin());
        let mut command = self.machine.command_for(&url, act.words);
        command.stdout(Stdio::null());
        let log = std::fs::File::create(self.machine.folder().join("log")).unwrap();
        command.stderr(log);
        let steps = self.steps.clone();
        let ended = tokio::task::spawn_blocking(move || steps.run(command, cut));
        let ended = ended.await.unwrap();
        assert!(
            cut.is_some() || ended.status.success(),
            "{}: {} {}",
            act.name,
            ended.status,
            std::fs::read_to_string(self.machine.folder().join("log")).unwrap()
        );
        ended.trace
    }

    /// Puts the repository and the program's caches away under a name.
    fn keep(&self, name: &str) {
        self.copy("now", name);
    }

    fn restore(&self, name: &str) {
        self.copy(name, "now");
    }

    fn copy(&self, from: &str, to: &str) {
        let place = |name: &str, part: &str| match name {
            "now" => self.machine.folder().join(part),
            name => self.machine.folder().join(format!("{name}-{part}")),
        };
        for part in ["served/base.git", "cache"] {
            let part_name = part.rsplit('/').next().unwrap();
            let of = |name: &str| match name {
                "now" => place(name, part),
                name => place(name, part_name),
            };
            let (from, to) = (of(from), of(to));
            let _ = std::fs::remove_dir_all(&to);
            if from.exists() {
                let copied = Command::new("cp").arg("-a").args([&from, &to]).status();
                assert!(copied.unwrap().success());
            }
        }
    }

    /// Everything the repository says, with instants and ids of commits taken out: those differ from run to run.
    fn end_state(&self) -> BTreeMap<String, Vec<String>> {
        let base = self.machine.base();
        let refs = base.refs();
        let names = commit_names(&base, refs.values());
        let mut state = BTreeMap::new();
        for (name, id) in &refs {
            // Of a pull request, everything that was ever noted.
            let commits = match name.ends_with("/meta") {
                true => base.line_of(id),
                false => vec![id.clone()],
            };
            let mut lines = Vec::new();
            for id in &commits {
                lines.push(names[id].clone());
                for (path, text) in base.files(id) {
                    lines.push(format!("{path}: {}", plain(&text, &names)));
                }
                lines.push(plain(&base.message(id), &names));
            }
            state.insert(plain(name, &names), lines);
        }
        state
    }
}

/// What commits are called here: how many came before on their line, and their subject.
fn commit_names<'i>(
    base: &Repository,
    heads: impl Iterator<Item = &'i String>,
) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for head in heads {
        let line = base.line_of(head);
        for (depth, id) in line.iter().enumerate() {
            let message = base.message(id);
            let subject = message.lines().next().unwrap_or_default();
            names.insert(id.clone(), format!("<{depth} {subject}>"));
        }
    }
    // Subjects may name commits as well.
    let raw = names.clone();
    for name in names.values_mut() {
        *name = plain(name, &raw);
    }
    names
}

/// A text without instants, and with commits called by what they are.
fn plain(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if word == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(word);
        let id = names
            .iter()
            .find(|(id, _)| word.len() >= 8 && id.starts_with(word));
        match id {
            Some((_, name)) => out.push_str(name),
            None => out.push_str(word),
        }
        rest = after;
    }
    without_instants(&out)
}

/// `2026-01-05T09:00:00Z`, and `5 Jan 09:00` as people read it.
fn without_instants(text: &str) -> String {
    let shape = |piece: &[u8], like: &[u8]| {
        piece.len() == like.len()
            && piece.iter().zip(like).all(|(found, like)| match like {
                b'0' => found.is_ascii_digit(),
                other => found == other,
            })
    };
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let found = [
            &b"0000-00-00T00:00:00Z"[..],
            b"0000-00-00T00:00:00",
            b"00:00:00Z",
            b"00:00Z",
        ]
        .into_iter()
        .find(|like| {
            let piece = bytes.get(at..at + like.len());
            piece.is_some_and(|piece| shape(piece, like))
        });
        match found {
            Some(like) => {
                out.extend(b"<then>");
                at += like.len();
            }
            // Parts of a second, where an instant has them.
            None if bytes[at] == b'.' && is_fraction(&bytes[at + 1..]) => {
                at += 1;
                at += bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap()
}

/// Nine digits and a `Z`.
fn is_fraction(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && text.get(digits) == Some(&b'Z')
}

/// Where to cut: every push, and some of the other steps by chance; every step where all are wanted.
fn cuts(trace: &[String], chance: &mut fastrand::Rng) -> Vec<Cut> {
    let every = 0..trace.len();
    let around = |step: usize| [When::Before, When::After].map(|when| Cut { step, when });
    let mut cuts: Vec<Cut> = if thorough() {
        every.flat_map(around).collect()
    } else {
        let pushes = every.filter(|step| trace[*step].starts_with("push"));
        pushes.map(|step| around(step)[1]).collect()
    };
    let more = if thorough() { MANY } else { SOME } / ACTS.len();
    cuts.extend((0..more).map(|_| {
        let when = match chance.u8(0..3) {
            0 => When::Before,
            1 => When::After,
            _ => When::Later(Duration::from_micros(chance.u64(0..30_000))),
        };
        Cut {
            step: chance.usize(0..trace.len()),
            when,
        }
    }));
    cuts
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_ends_as_if_nothing_had_happened() {
    let scene = Scene::start().await;
    let mut chance = fastrand::Rng::with_seed(4711);
    let mut pushed = Vec::new();
    let mut count = 0;
    for act in &ACTS {
        if let Some(version) = act.build {
            scene.machine.build(version);
            // Sources are asked once a minute; without that memory they are due.
            scene.forget_checks();
        }
        scene.keep("before");
        let trace = scene.act(act, None).await;
        let whole = scene.end_state();
        scene.keep("whole");
        for cut in cuts(&trace, &mut chance) {
            count += 1;
            scene.restore("before");
            let came = scene.act(act, Some(cut)).await;
            let halfway = format!("{:#?}", scene.end_state());
            scene.act(act, None).await;
            let again = scene.end_state();
            assert!(
                again == whole,
                "{}: killed {cut:?} of {came:#?}\nhalfway {halfway}\nwhole {whole:#?}\nagain {again:#?}",
                act.name,
            );
        }
        scene.restore("whole");
        pushed.extend(trace.into_iter().filter(|step| step.starts_with("push")));
    }
    let moved = pushed.join("\n");
    for (what, name) in [
        ("the base", "push refs/heads/main"),
        ("a branch", "push refs/heads/headwater/promote/app/prod/"),
        ("a pull request", "/meta"),
        ("an approval", "/approvals/"),
    ] {
        assert!(moved.contains(name), "no step moved {what}: {moved}");
    }
    assert!(count >= ACTS.len(), "{count}");
    scene.machine.hermetic.check_repository("served/base.git");
}

impl Scene {
    /// Forgets when tags were last asked for.
    fn forget_checks(&self) {
        let observed = self.machine.cache().join("observed");
        for folder in std::fs::read_dir(observed).into_iter().flatten() {
            let _ = std::fs::remove_file(folder.unwrap().path().join("memory.json"));
        }
    }
}

#[test]
fn instants_and_ids_are_taken_out_and_nothing_else() {
    let id = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let names = BTreeMap::from([(id.clone(), "<2 Begin>".to_owned())]);
    let text = format!("a: {id} at 2026-01-05T09:00:00Z, 01234567, 012345, sha256:{id}ab, 10:30Z");
    assert_eq!(
        plain(&text, &names),
        format!("a: <2 Begin> at <then>, <2 Begin>, 012345, sha256:{id}ab, <then>")
    );
}
