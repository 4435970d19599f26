//! Over HTTPS: a house authority, and certificates that are not to be trusted.

use std::path::PathBuf;

use headwater::config::git::{GitCredential, GitSettings};
use headwater::git::{GitError, PushResult, Repository};

use super::{base, commit, push, settings};
use crate::support::git_http::{GitHttp, bare_repository, git, git_is_here};
use crate::support::hermetic::Hermetic;
use crate::support::tls::{Authority, Identity};

const MAIN: &str = "refs/heads/main";
const HOST: &str = "127.0.0.1";

/// A repository behind TLS, and the file of the authority that clients are told of.
struct Place {
    dir: tempfile::TempDir,
    bare: PathBuf,
    server: GitHttp,
}

impl Place {
    async fn with(identity: &Identity) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
        let login = Some(("bot", "canary-pw"));
        let server = GitHttp::serve_tls(dir.path(), login, identity).await;
        Self { dir, bare, server }
    }

    fn settings(&self, authority: Option<&Authority>) -> GitSettings {
        let mut settings = settings(&self.dir.path().join("cache"));
        settings.credentials = vec![GitCredential {
            origin: self.server.origin(),
            username: Some("bot".to_owned()),
            password: "canary-pw".to_owned().into(),
        }];
        settings.ca_file = authority.map(|authority| {
            let file = self.dir.path().join("ca.pem");
            authority.write(&file);
            file
        });
        settings
    }

    fn open(&self, authority: Option<&Authority>) -> Repository {
        Repository::open(&self.server.url("r.git"), &self.settings(authority), false).unwrap()
    }

    /// Why it is not trusted.
    async fn distrust(&self, authority: Option<&Authority>) -> String {
        let error = self.open(authority).fetch().await.unwrap_err();
        assert!(matches!(error, GitError::Tls { .. }), "{error:?}");
        assert!(!error.is_transient(), "no certificate heals by itself");
        assert_eq!(
            self.server.requests(),
            0,
            "nothing was asked, no secret sent"
        );
        error.to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_of_a_house_authority_is_fetched_from_and_pushed_to() {
    if !git_is_here() {
        return;
    }
    let authority = Authority::new();
    let place = Place::with(&authority.issue(HOST)).await;
    assert!(place.server.url("r.git").starts_with("https://"));
    let repository = place.open(Some(&authority));
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    let done = push(&repository, MAIN, Some(&first), Some(&ours)).await;
    assert_eq!(done, PushResult::Done);
    assert_eq!(git(&place.bare, &["rev-parse", MAIN]), ours.as_str());
    assert_eq!(base(&repository.fetch().await.unwrap()), ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_not_to_be_trusted_are_refused_with_what_to_do() {
    if !git_is_here() {
        return;
    }
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = Place::with(&authority.issue(HOST)).await;
    for (known, words) in [
        (None, "unknown authority"),
        (Some(&stranger), "another key signed it"),
    ] {
        let said = good.distrust(known).await;
        assert!(said.contains(words), "{said}");
        assert!(said.contains("`git.caFile`"), "{said}");
    }
    let elsewhere = Place::with(&authority.issue("git.example")).await;
    let said = elsewhere.distrust(Some(&authority)).await;
    assert!(said.contains("for another host"), "{said}");
    let old = Place::with(&authority.issue_expired(HOST)).await;
    let said = old.distrust(Some(&authority)).await;
    assert!(said.contains("has expired"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_no_tls_is_never_spoken_to_in_the_clear_instead() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let server = GitHttp::serve(dir.path(), None).await;
    let url = server.url("r.git").replacen("http://", "https://", 1);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(&url, &settings, false).unwrap();
    let error = repository.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_authorities_that_is_none_is_named_with_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(&dir.path().join("cache"));
    let file = dir.path().join("ca.pem");
    let open = |settings: &GitSettings| {
        Repository::open("https://git.example/r.git", settings, false).unwrap_err()
    };
    settings.ca_file = Some(file.clone());
    for content in [None, Some("no certificate\n"), Some("")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let error = open(&settings).to_string();
        assert!(error.contains("`git.caFile`"), "{content:?}: {error}");
        assert!(error.contains("ca.pem"), "{content:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_the_authority_from_the_settings_and_says_when_it_lacks() {
    if !git_is_here() {
        return;
    }
    let authority = Authority::new();
    let place = Place::with(&authority.issue(HOST)).await;
    let machine = Hermetic::new();
    let ca = machine.folder().join("house.pem");
    authority.write(&ca);
    let status = async |ca: Option<&str>| {
        let mut settings = serde_json::json!({"git": {
            "cacheDir": machine.folder().join("cache"),
            "credentials": [{"origin": place.server.origin(), "username": "bot", "password": "canary-pw"}],
        }});
        if let Some(ca) = ca {
            settings["git"]["caFile"] = ca.into();
        }
        let file = machine.folder().join("settings.yaml");
        std::fs::write(&file, settings.to_string()).unwrap();
        let mut command = machine.headwater();
        let url = place.server.url("r.git");
        command.args(["--config", file.to_str().unwrap(), "--repo", &url, "status"]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        output.await.unwrap()
    };
    let good = status(ca.to_str()).await;
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let bad = status(None).await;
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(said.contains("`git.caFile`"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}
