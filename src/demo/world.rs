//! The demo's world: a folder with a bare repository and a person's clone of it, a registry, operator settings and a clock
//! that stands still until it is moved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::build::RepoBuilder;
use tempfile::TempDir;

use super::content;
use super::registry::{BuildSpec, EmbeddedRegistry};
use crate::cli::CliError;
use crate::cli::engine::{Engine, Opening, edge};
use crate::config::{Inputs, Loaded};
use crate::git::{NewCommit, Person, PushResult, RefUpdate, Repository};
use crate::model::{CommitId, Digest, Period, Timestamp};
use crate::plan::{Observation, Plan};

/// The registry as streams name it.
pub const HOST: &str = "registry.example";
/// The repository of the application's image.
pub const MYAPP: &str = "acme/myapp";
/// The tag that its builds are pushed to.
pub const MAIN: &str = "main";
/// The base branch.
pub const BASE: &str = "main";
/// When the story begins: Monday 5 January 2026, 09:00 UTC.
const BEGIN: i64 = 1_767_603_600;

/// Everybody in the story: name and e-mail address.
pub const ANN: (&str, &str) = ("Ann", "ann@acme.example");
/// Member of the team that releases.
pub const LENA: (&str, &str) = ("Lena", "lena@acme.example");
/// On call, member of the team that runs things.
pub const MARA: (&str, &str) = ("Mara", "mara@acme.example");

/// Where the world lies.
enum Folder {
    /// Removed at the end.
    Temporary(TempDir),
    /// Kept for the reader.
    Kept(PathBuf),
}

/// Everything the story acts on.
pub struct World {
    folder: Folder,
    /// The registry behind [`HOST`].
    pub registry: EmbeddedRegistry,
    /// The operator's settings.
    pub loaded: Loaded,
    /// The clock.
    pub now: Timestamp,
}

/// What stands on the base, seen without changing it.
pub struct Look {
    /// What was observed.
    pub observation: Observation,
    /// What it leads to.
    pub plan: Plan,
}

impl World {
    /// A world in a temporary folder, or in `keep`, which must be empty or not exist.
    ///
    /// # Errors
    /// When the folder cannot be used, or a part does not start.
    pub async fn make(keep: Option<&Path>) -> Result<Self, CliError> {
        let folder = folder(keep)?;
        let registry = EmbeddedRegistry::start()
            .await
            .map_err(|error| broken("the demo's registry does not start", &error))?;
        let loaded = settings(folder.path(), &registry.url())?;
        let now = Timestamp::from_second(BEGIN)
            .map_err(|error| broken("the demo's clock does not start", &error))?;
        let world = Self {
            folder,
            registry,
            loaded,
            now,
        };
        world.first_commit().await?;
        world.clone_for_people()?;
        Ok(world)
    }

    /// The folder that holds everything.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The bare repository.
    pub fn base(&self) -> PathBuf {
        self.root().join("repo.git")
    }

    /// The clone people work in.
    pub fn work_tree(&self) -> PathBuf {
        self.root().join("work")
    }

    /// Moves the clock.
    pub fn advance(&mut self, minutes: u64) {
        self.now = Period::seconds(minutes * 60).after(self.now);
    }

    /// Builds a version of myapp and pushes it, labelled with what its tests said.
    pub fn build(&self, version: &str, tests: &str) -> Digest {
        self.registry.push(MYAPP, MAIN, image(version, Some(tests)))
    }

    /// Puts the vendor's images there.
    pub fn vendor(&self) {
        for version in ["19.0", "25.0.2"] {
            self.registry
                .push("keycloak/keycloak", version, image(version, None));
        }
    }

    /// The engine as every command assembles it: caches on disk, nothing carried over in memory.
    ///
    /// # Errors
    /// When the repository cannot be opened.
    pub fn engine(&self) -> Result<Engine, CliError> {
        let opening = Opening {
            location: self.base().display().to_string(),
            ..Opening::default()
        };
        Engine::assemble(&self.loaded.settings, opening)
    }

    /// Observes and plans without doing anything.
    ///
    /// # Errors
    /// When the base cannot be read.
    pub async fn look(&self) -> Result<Look, CliError> {
        let engine = self.engine()?;
        let (observation, plan) = engine
            .reconciler
            .plan(self.now)
            .await
            .map_err(|e| edge(&e))?;
        Ok(Look { observation, plan })
    }

    /// Makes the clone belong to somebody: whoever acts next.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn at_the_keyboard(&self, person: (&str, &str)) -> Result<(), CliError> {
        let work = git2::Repository::open(self.work_tree()).map_err(|e| git("open", &e))?;
        let mut config = work.config().map_err(|e| git("configure", &e))?;
        config
            .set_str("user.name", person.0)
            .and_then(|()| config.set_str("user.email", person.1))
            .map_err(|e| git("configure", &e))
    }

    /// Brings the clone to where the base is.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn pull(&self) -> Result<(), CliError> {
        let fail = |error: git2::Error| git("update", &error);
        let work = git2::Repository::open(self.work_tree()).map_err(fail)?;
        let mut origin = work.find_remote("origin").map_err(fail)?;
        origin.fetch(&[BASE], None, None).map_err(fail)?;
        let head = work
            .find_reference(&format!("refs/remotes/origin/{BASE}"))
            .and_then(|reference| reference.peel(git2::ObjectType::Commit))
            .map_err(fail)?;
        work.reset(&head, git2::ResetType::Hard, None).map_err(fail)
    }

    async fn first_commit(&self) -> Result<(), CliError> {
        let mut options = git2::RepositoryInitOptions::new();
        options
            .bare(true)
            .external_template(false)
            .initial_head(BASE);
        git2::Repository::init_opts(self.base(), &options).map_err(|e| git("make", &e))?;
        let location = self.base().display().to_string();
        let repository =
            Repository::open(&location, &self.loaded.settings.git, false).map_err(|e| edge(&e))?;
        let commit = self.person_commits(&repository).await?;
        let update = RefUpdate {
            name: format!("refs/heads/{BASE}"),
            expect: None,
            new: Some(commit),
        };
        let outcomes = repository.push(vec![update]).await.map_err(|e| edge(&e))?;
        let done = |outcome: &crate::git::PushOutcome| outcome.result == PushResult::Done;
        if outcomes.iter().all(done) {
            Ok(())
        } else {
            Err(CliError::failed("the first commit could not be pushed"))
        }
    }

    async fn person_commits(&self, repository: &Repository) -> Result<CommitId, CliError> {
        let mut files = BTreeMap::new();
        for (path, text) in content::FILES {
            let path = path
                .parse()
                .map_err(|error| broken("the example content has an odd path", &error))?;
            files.insert(path, Some(text.as_bytes().to_vec()));
        }
        let ann = Person {
            name: ANN.0.to_owned(),
            email: ANN.1.to_owned(),
        };
        let new = NewCommit {
            parents: Vec::new(),
            start: None,
            files,
            message: "Describe streams, pipelines and environments\n".to_owned(),
            author: ann.clone(),
            committer: ann,
            time: self.now,
        };
        repository.commit(new).await.map_err(|e| edge(&e))
    }

    fn clone_for_people(&self) -> Result<(), CliError> {
        let url = self.base().display().to_string();
        RepoBuilder::new()
            .clone(&url, &self.work_tree())
            .map_err(|e| git("clone", &e))?;
        self.at_the_keyboard(MARA)
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

fn folder(keep: Option<&Path>) -> Result<Folder, CliError> {
    let Some(path) = keep else {
        let folder = tempfile::Builder::new()
            .prefix("headwater-demo-")
            .tempdir()
            .map_err(|error| broken("no temporary folder can be made", &error))?;
        return Ok(Folder::Temporary(folder));
    };
    let shown = path.display();
    let unusable =
        |error: std::io::Error| broken(&format!("cannot use the folder `{shown}`"), &error);
    std::fs::create_dir_all(path).map_err(unusable)?;
    let path = path.canonicalize().map_err(unusable)?;
    if std::fs::read_dir(&path).map_err(unusable)?.next().is_some() {
        return Err(
            CliError::usage(format!("the folder `{shown}` is not empty"))
                .help("name a folder that is empty or does not exist"),
        );
    }
    Ok(Folder::Kept(path))
}

/// The operator's settings, read as those of every command are; nothing of the reader's own settings is in them.
fn settings(root: &Path, mirror: &str) -> Result<Loaded, CliError> {
    let file = root.join("operator.yaml");
    write(&file, &operator_yaml(root, Some(mirror)))?;
    let inputs = Inputs {
        file: Some(file),
        ..Inputs::default()
    };
    Ok(crate::config::load(&inputs)?)
}

/// The operator's file. Without a mirror [`HOST`] is asked itself, which nobody will find.
pub fn operator_yaml(root: &Path, mirror: Option<&str>) -> String {
    let mirror = mirror.map_or_else(String::new, |url| {
        format!(", mirror: \"{url}\", plainHttp: true")
    });
    // JSON's quotes are YAML's, whatever the folder is called.
    let cache = serde_json::json!(root.join("cache").display().to_string());
    format!(
        "git:\n  \
           cacheDir: {cache}\n  \
           committer: {{name: headwater, email: headwater@acme.example}}\n\
         registry:\n  \
           useDockerConfig: false\n  \
           registries:\n    \
             - {{host: {HOST}{mirror}}}\n\
         forge:\n  \
           offline:\n    \
             trust: push # approvals count for whoever they name: for a demo only\n    \
             teams:\n      \
               \"@acme/release\": [{lena}]\n      \
               \"@acme/sre\": [{mara}]\n",
        lena = LENA.1,
        mara = MARA.1,
    )
}

/// Writes a file of the world.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text)
        .map_err(|error| broken(&format!("cannot write `{}`", path.display()), &error))
}

fn image(version: &str, tests: Option<&str>) -> BuildSpec {
    let mut labels = BTreeMap::from([(
        "org.opencontainers.image.version".to_owned(),
        version.to_owned(),
    )]);
    labels.extend(tests.map(|said| ("tests".to_owned(), said.to_owned())));
    BuildSpec {
        labels,
        content: format!("{version}\n"),
        platforms: Vec::new(),
    }
}

fn git(what: &str, error: &git2::Error) -> CliError {
    broken(&format!("cannot {what} the demo's repository"), error)
}

/// A part of the demo itself that does not work.
pub(super) fn broken(what: &str, error: &(dyn std::error::Error + 'static)) -> CliError {
    CliError::from_error(crate::cli::Exit::Failed, error).context(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconciler::Pass;

    async fn run(world: &World) -> Vec<Pass> {
        let engine = world.engine().unwrap();
        engine.reconciler.run(world.now).await.unwrap()
    }

    #[tokio::test]
    async fn a_move_over_present_outputs_is_planned_within_the_rounds_of_a_fresh_process() {
        let mut world = World::make(None).await.unwrap();
        world.build("1.2.0", "passed");
        run(&world).await;
        world.advance(60);
        world.build("1.2.1", "passed");
        let passes = run(&world).await;
        for pass in &passes {
            assert_eq!(pass.plan.questions, [], "a plan lacks facts");
        }
        let subjects: Vec<usize> = passes.iter().map(|p| p.receipt.done.len()).collect();
        assert_eq!(subjects, [1, 1, 0], "import, promotion, nothing left");
    }

    #[tokio::test]
    async fn a_folder_that_holds_something_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine"), "x").unwrap();
        let refused = World::make(Some(folder.path())).await.err().unwrap();
        assert_eq!(refused.exit, crate::cli::Exit::Usage);
        assert!(refused.message.contains("is not empty"), "{refused}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn the_operators_file_is_understood_whatever_the_folder_is_called() {
        for name in ["/tmp/x", "/tmp/a b: #\"c\"", "/tmp/{{x}}"] {
            let text = operator_yaml(Path::new(name), Some("http://127.0.0.1:5000"));
            let settings: crate::config::Settings = serde_yaml::from_str(&text).unwrap();
            assert_eq!(settings.git.cache_dir, Path::new(name).join("cache"));
            assert!(settings.registry.registries[0].plain_http);
        }
    }
}
