//! Whose approvals count.

use std::path::{Path, PathBuf};

use headwater::forge::{Forge as _, ForgeError};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::{BRANCH, ID, World, approver, signed};
use crate::support::git_http::{git, git_is_here};

/// Whether there is an `ssh-keygen` to test against; says so aloud if not.
fn keygen_is_here() -> bool {
    let here = std::process::Command::new("ssh-keygen")
        .arg("-?")
        .output()
        .is_ok();
    if !here {
        eprintln!("SKIPPED: there is no `ssh-keygen` on this machine");
    }
    here
}

/// A key made from a seed, its file, and its line for `allowed_signers`.
fn key(dir: &Path, who: &str, seed: u8) -> (PathBuf, String) {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    let key = PrivateKey::new(KeypairData::from(pair), "").unwrap();
    let file = dir.join(format!("key-{seed}"));
    key.write_openssh_file(&file, LineEnding::LF).unwrap();
    let public = key.public_key().to_openssh().unwrap();
    std::fs::write(file.with_extension("pub"), &public).unwrap();
    (file, format!("{who} namespaces=\"git\" {public}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_trust_in_pushes_an_approval_counts_for_whoever_it_names() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let head = world.head(BRANCH);
    let ann = approver("ann@acme.example", None);
    let approval = process
        .forge
        .approve(&id, head.clone(), ann.clone())
        .await
        .unwrap();
    assert!(approval.authentic);
    let refs = world.refs_below("refs/headwater");
    process.forge.approve(&id, head.clone(), ann).await.unwrap();
    assert_eq!(world.refs_below("refs/headwater"), refs, "once is enough");
    process
        .forge
        .approve(&id, head.clone(), approver("bob@acme.example", None))
        .await
        .unwrap();
    // The same approval under another name is not a second one.
    let copy = format!("refs/headwater/pulls/{ID}/approvals/again");
    git(&world.bare, &["update-ref", &copy, &refs[0]]);
    let approvals = process.pull().await.approvals;
    let who: Vec<&str> = approvals.iter().map(|a| a.who.as_str()).collect();
    assert_eq!(who, ["ann@acme.example", "bob@acme.example"]);
    assert!(approvals.iter().all(|a| a.head == head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_approval_counts_for_the_keys_principal_and_for_nobody_else() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (ann, line) = key(world.dir.path(), "ann@acme.example", 1);
    let (stranger, _) = key(world.dir.path(), "x", 2);
    let process = world.process_with("one", signed(&[line]));
    let id = process.open_pull().await;
    let head = world.head(BRANCH);
    // The name is the key's, not what the commit says of itself.
    let good = process
        .forge
        .approve(&id, head.clone(), approver("boss@acme.example", Some(&ann)))
        .await
        .unwrap();
    assert_eq!(
        (good.who.as_str(), good.authentic),
        ("ann@acme.example", true)
    );
    let unknown = process
        .forge
        .approve(
            &id,
            head.clone(),
            approver("ann@acme.example", Some(&stranger)),
        )
        .await
        .unwrap();
    assert!(!unknown.authentic);
    assert!(
        unknown
            .note
            .unwrap()
            .contains("not among the allowed signers")
    );
    let unsigned = process
        .forge
        .approve(&id, head.clone(), approver("eve@acme.example", None))
        .await
        .unwrap();
    assert_eq!(
        (unsigned.authentic, unsigned.note.as_deref()),
        (false, Some("not signed"))
    );
    let approvals = process.pull().await.approvals;
    let authentic: Vec<&str> = approvals
        .iter()
        .filter(|a| a.authentic)
        .map(|a| a.who.as_str())
        .collect();
    assert_eq!(authentic, ["ann@acme.example"]);
    // A key of no allowed signer records nothing, so it cannot stand in the way of one that counts.
    assert_eq!(approvals.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_on_one_head_is_worth_nothing_on_another() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (ann, line) = key(world.dir.path(), "ann@acme.example", 1);
    let process = world.process_with("one", signed(&[line]));
    let id = process.open_pull().await;
    let head = world.head(BRANCH);
    process
        .forge
        .approve(&id, head.clone(), approver("ann@acme.example", Some(&ann)))
        .await
        .unwrap();
    let approval = world
        .refs_below("refs/headwater/pulls/promote-myapp-prod-1a2b3c4d/approvals")
        .remove(0);
    // Somebody takes the signed commit and makes it name another head.
    let raw = git(&world.bare, &["cat-file", "commit", &approval]);
    let forged = raw.replace(head.as_str(), &"b".repeat(40)) + "\n";
    assert_ne!(raw, forged);
    let file = world.dir.path().join("forged");
    std::fs::write(&file, forged).unwrap();
    let commit = git(
        &world.bare,
        &["hash-object", "-t", "commit", "-w", file.to_str().unwrap()],
    );
    git(&world.bare, &["update-ref", &approval, &commit]);
    let approvals = process.pull().await.approvals;
    assert_eq!(approvals.len(), 1);
    assert!(!approvals[0].authentic);
    assert!(
        approvals[0].note.as_ref().unwrap().contains("not valid"),
        "{approvals:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_does_not_count_again_by_an_older_date() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (ann, line) = key(world.dir.path(), "ann@acme.example", 1);
    // The head is of 2023-11-14T22:13:20Z, the approval a day older.
    let line = line.replace("namespaces", "valid-before=\"20231114\",namespaces");
    let process = world.process_with("one", signed(&[line]));
    let id = process.open_pull().await;
    let mut back_dated = approver("ann@acme.example", Some(&ann));
    back_dated.now = super::at(-86_400);
    let approval = process
        .forge
        .approve(&id, world.head(BRANCH), back_dated)
        .await
        .unwrap();
    assert!(!approval.authentic);
    assert!(approval.note.unwrap().contains("ceased to be valid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_git_itself_signed_counts() {
    if !git_is_here() || !keygen_is_here() {
        return;
    }
    let world = World::new().await;
    let (ann, line) = key(world.dir.path(), "ann@acme.example", 1);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&ann, std::fs::Permissions::from_mode(0o600)).unwrap();
    let process = world.process_with("one", signed(std::slice::from_ref(&line)));
    let id = process.open_pull().await;
    let head = world.head(BRANCH);
    let empty = git(
        &world.bare,
        &["hash-object", "-t", "tree", "-w", "/dev/null"],
    );
    let signing = format!("user.signingkey={}", ann.display());
    let commit = git(
        &world.bare,
        &[
            "-c",
            "gpg.format=ssh",
            "-c",
            &signing,
            "commit-tree",
            "-S",
            "-m",
            &format!("approve {head}"),
            &empty,
        ],
    );
    git(
        &world.bare,
        &[
            "update-ref",
            &format!("refs/headwater/pulls/{id}/approvals/by-hand"),
            &commit,
        ],
    );
    let approvals = process.pull().await.approvals;
    assert_eq!(approvals.len(), 1);
    assert!(approvals[0].authentic, "{approvals:?}");

    // And the other way round: Git accepts what we sign.
    git(
        &world.bare,
        &[
            "update-ref",
            "-d",
            &format!("refs/headwater/pulls/{id}/approvals/by-hand"),
        ],
    );
    process
        .forge
        .approve(&id, head, approver("ann@acme.example", Some(&ann)))
        .await
        .unwrap();
    let ours = world
        .refs_below(&format!("refs/headwater/pulls/{ID}/approvals"))
        .remove(0);
    let file = world.dir.path().join("allowed");
    std::fs::write(&file, line).unwrap();
    let allowed = format!("gpg.ssh.allowedSignersFile={}", file.display());
    git(&world.bare, &["-c", &allowed, "verify-commit", &ours]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_sign_are_refused_in_words() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (ann, line) = key(world.dir.path(), "ann@acme.example", 1);
    let process = world.process_with("one", signed(&[line]));
    let id = process.open_pull().await;
    let mut cases = vec![
        (ann.with_extension("pub"), "public key"),
        (world.bare.join("HEAD"), "not a private key"),
        (world.dir.path().join("absent"), "No such file"),
    ];
    if keygen_is_here() {
        let encrypted = world.dir.path().join("encrypted");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "a passphrase", "-f"])
            .arg(&encrypted)
            .status();
        assert!(made.unwrap().success());
        cases.push((encrypted, "passphrase"));
    }
    for (file, says) in cases {
        let approval = process
            .forge
            .approve(&id, world.head(BRANCH), approver("a@b", Some(&file)))
            .await;
        match approval {
            Err(ForgeError::Key { problem, .. }) => assert!(problem.contains(says), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(process.pull().await.approvals.is_empty());
}
