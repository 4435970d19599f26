//! Commits of ours signed with an SSH key, as Git itself verifies them.

use std::path::{Path, PathBuf};

use headwater::git::{PushResult, Repository};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::{base, commit, push, settings};
use crate::support::git_http::{bare_repository, git, git_is_here};

const MAIN: &str = "refs/heads/main";

/// A key in a file, and the file of signers that knows its other half.
fn key(folder: &Path) -> (PathBuf, PathBuf) {
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&[9; 32]));
    let key = PrivateKey::new(pair, "").unwrap();
    let (file, signers) = (folder.join("key"), folder.join("signers"));
    key.write_openssh_file(&file, LineEnding::LF).unwrap();
    let public = key.public_key().to_openssh().unwrap();
    std::fs::write(folder.join("key.pub"), &public).unwrap();
    std::fs::write(&signers, format!("headwater@localhost {public}\n")).unwrap();
    (file, signers)
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_ours_are_signed_so_that_git_verifies_them_and_those_of_others_are_not() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let (key, signers) = key(dir.path());
    let mut settings = settings(&dir.path().join("cache"));
    settings.signing_key = Some(key);
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let mut head = base(&repository.fetch().await.unwrap());
    // One file goes as an object of its own, hundreds go as a pack.
    let many: Vec<String> = (0..300).map(|n| format!("d/{n}")).collect();
    let many: Vec<(&str, Option<&str>)> = many.iter().map(|p| (p.as_str(), Some("1"))).collect();
    for files in [&[("a", Some("2"))][..], &many[..]] {
        let ours = commit(&repository, &head, files, "ours").await;
        let again = commit(&repository, &head, files, "ours").await;
        assert_eq!(ours, again, "the same content is the same commit");
        let done = push(&repository, MAIN, Some(&head), Some(&ours)).await;
        assert_eq!(done, PushResult::Done);
        let known = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        git(&bare, &["-c", &known, "verify-commit", ours.as_str()]);
        head = ours;
    }
    let signature = |commit: &str| git(&bare, &["log", "-1", "--format=%GK", commit]);
    assert_eq!(signature("HEAD~2"), "", "the first one is not ours");

    settings.committer.email = "somebody@else.example".to_owned();
    let other = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let theirs = commit(&other, &head, &[("a", Some("3"))], "not ours").await;
    let raw = git(&bare, &["cat-file", "commit", theirs.as_str()]);
    assert!(!raw.contains("gpgsig"), "{raw}");
}

#[test]
fn a_key_that_cannot_sign_is_told_before_anything_begins() {
    let dir = tempfile::tempdir().unwrap();
    key(dir.path());
    std::fs::write(dir.path().join("text"), "no key").unwrap();
    for (file, words) in [
        ("nothing", "No such file"),
        ("key.pub", "public key"),
        ("text", "not a private key"),
    ] {
        let mut settings = settings(&dir.path().join("cache"));
        settings.signing_key = Some(dir.path().join(file));
        let place = dir.path().to_str().unwrap();
        let error = Repository::open(place, &settings, false).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("git.signingKey") && said.contains(words),
            "{said}"
        );
    }
}
