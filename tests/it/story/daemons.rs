//! Two daemons and a person write to one repository at a time: every commit stays, and every set enters a stage once.

use std::collections::BTreeMap;
use std::process::Stdio;

use super::*;
use crate::support::running::Running;

const VERSIONS: [&str; 3] = ["1.2.0", "1.2.1", "1.2.2"];

/// Daemons that are killed if the test fails before it has stopped them.
struct Daemons(Vec<Running>);

impl Daemons {
    fn start(real: &Real) -> Self {
        let registries = json!([{
            "host": "registry.example",
            "mirror": format!("http://{}", real.registry.host()),
            "plainHttp": true,
        }]);
        let start = |name: &str| {
            real.settings(&format!("{name}.yaml"), registries.clone(), json!([]));
            let log = std::fs::File::create(real.machine.folder().join(format!("{name}.log")));
            let log = log.unwrap();
            let mut serve = real.command(&format!("{name}.yaml"), &["serve", "--tick", "1s"]);
            let serve = serve.stdout(log.try_clone().unwrap());
            Running::start(serve.stderr(Stdio::from(log)))
        };
        Self(["one", "two"].map(start).into())
    }

    /// Tells them to stop; they must within ten seconds.
    fn stop(mut self) {
        let begin = Instant::now();
        for child in &self.0 {
            let id = child.id().to_string();
            let kill = Command::new("kill").args(["-s", "TERM", &id]).status();
            assert!(kill.unwrap().success());
        }
        for child in &mut self.0 {
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

/// A person with a clone, who tries again until a push gets through.
struct Writer<'a> {
    real: &'a Real,
    clone: std::path::PathBuf,
}

impl<'a> Writer<'a> {
    fn new(real: &'a Real) -> Self {
        let clone = real.machine.folder().join("clone");
        let address = real
            .git
            .url_with_login(&format!("bot:{CANARY}"), "gitops.git");
        let mut git = real.machine.command("git");
        git.args(["clone", "--quiet", &address]).arg(&clone);
        assert!(git.status().unwrap().success());
        Self { real, clone }
    }

    fn git(&self, arguments: &[&str]) -> bool {
        let mut git = self.real.machine.command("git");
        git.current_dir(&self.clone).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Ivo")
                .env(format!("GIT_{who}_EMAIL"), "ivo@example.com");
        }
        git.output().unwrap().status.success()
    }

    fn commit(&self, name: &str) {
        let file = format!("notes/{name}.txt");
        std::fs::create_dir_all(self.clone.join("notes")).unwrap();
        std::fs::write(self.clone.join(&file), name).unwrap();
        assert!(self.git(&["add", &file]) && self.git(&["commit", "-q", "-m", name]));
        let begin = Instant::now();
        while !self.git(&["push", "--quiet", "origin", "HEAD:main"]) {
            assert!(begin.elapsed() < Duration::from_secs(20), "never through");
            assert!(self.git(&["pull", "--quiet", "--rebase", "origin", "main"]));
        }
    }
}

/// What both daemons have said.
fn logs(real: &Real) -> String {
    let read = |name| std::fs::read_to_string(real.machine.folder().join(name)).unwrap();
    ["one.log", "two.log"].map(read).concat()
}

/// How often a set entered a stage, by what stands in the stream's record along the base.
fn entries(base: &BareRepository<'_>, tag: &str) -> BTreeMap<String, u32> {
    let mut count = BTreeMap::new();
    let mut last = None;
    let commits = base.git(&["rev-list", "--first-parent", "--reverse", "main"]);
    for commit in commits.lines() {
        let head = head_of(base, commit, tag);
        if head != last {
            *count.entry(head.clone().unwrap()).or_default() += 1;
            last = head;
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_and_a_person_lose_no_commit_and_promote_each_set_once() {
    let Some(real) = Real::start().await else {
        return;
    };
    let base = real.base();
    let writer = Writer::new(&real);
    let mut notes = Vec::new();
    let mut builds = Vec::new();
    // A tag that is not there yet would be asked for again only after half a minute.
    let mut daemons = None;
    for version in VERSIONS {
        let build = real.build(version, "passed");
        daemons.get_or_insert_with(|| Daemons::start(&real));
        let begin = Instant::now();
        while !deploys(&base, "qa", &build) {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "{version} does not reach qa\n{}",
                logs(&real)
            );
            let note = format!("note-{}", notes.len());
            writer.commit(&note);
            notes.push(note);
            // A daemon that is overtaken each time it looks gets nowhere.
            std::thread::sleep(Duration::from_millis(500));
        }
        builds.push(build);
    }
    daemons.unwrap().stop();
    let logs = logs(&real);
    assert!(logs.contains("pushed") && !logs.contains(CANARY), "{logs}");
    // Whoever sees a new digest says so once, and until when it waits.
    let settling =
        |line: &&str| line.contains("settles until it is 1s old") && line.contains("stream=");
    let settling: Vec<&str> = logs.lines().filter(settling).collect();
    let most = 2 * VERSIONS.len();
    assert!((1..=most).contains(&settling.len()), "{settling:#?}");

    let log = base.log("main");
    for note in &notes {
        let times = log.iter().filter(|subject| *subject == note).count();
        assert_eq!(times, 1, "{note} in {log:?}");
        let there = base.show("main", &format!("notes/{note}.txt"));
        assert_eq!(there.as_deref(), Some(note.as_bytes()));
    }
    for tag in ["latest-dev", "qa-stable"] {
        let wanted: BTreeMap<_, _> = builds.iter().map(|b| (b.to_string(), 1)).collect();
        assert_eq!(entries(&base, tag), wanted, "{tag}");
    }
    let pulls = real.open_pulls();
    assert!(pulls.len() <= 1, "{pulls:?}");
    base.git(&["fsck", "--strict"]);
    // The last set may still soak when the daemons stop; then the open pull request is moved to it.
    let last = builds.last().unwrap();
    real.run_until(|| {
        let shown = real.run(&["pr", "show", "myapp/prod"]);
        shown.code == 0 && shown.stdout.contains(last.as_str())
    });
    real.run(&["run"]).ends(0, &[]);
    assert_eq!(real.open_pulls().len(), 1);
    real.run(&["plan", "--exit-code"]).ends(0, &[]);
}
