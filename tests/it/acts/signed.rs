//! Approvals by signature, as the README tells people to make them.

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::World;

/// The signers of the README, with the public half of our key for Ann.
fn signers(public: &str) -> String {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme
        .split_once("**Approvals of the offline forge** count")
        .unwrap();
    let (_, rest) = section.split_once("```text\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let lines = text
        .lines()
        .map(|line| match line.split_once("ssh-ed25519") {
            Some((before, _)) if line.starts_with("ann@acme.example") => {
                format!("{before}{public}\n")
            }
            _ => format!("{line}\n"),
        });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_signed_as_the_readme_says_counts_for_its_team() {
    let prod = "  delivery: pullRequest\n  approvals: {count: 1, from: ['@acme/release']}\n";
    let world = World::with(prod, "").await;
    world.build("1.0.0");
    world.passes().await;
    let folder = world.machine.folder();
    let (file, key) = (folder.join("signers"), folder.join("headwater"));
    let pair = PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[7; 32])), "").unwrap();
    pair.write_openssh_file(&key, LineEnding::LF).unwrap();
    std::fs::write(&file, signers(&pair.public_key().to_openssh().unwrap())).unwrap();
    let settings = std::fs::read_to_string(&world.settings).unwrap();
    let signed = format!(
        "forge: {{offline: {{allowedSigners: '{}', teams: {{'@acme/release': [ann@acme.example]}}}}}}",
        file.display()
    );
    let settings = settings.replace("forge: {offline: {trust: push}}", &signed);
    assert!(settings.contains("allowedSigners"), "{settings}");
    std::fs::write(&world.settings, settings).unwrap();
    let key = key.display().to_string();
    let said = world
        .run(&["pr", "approve", "shop/prod", "--key", &key])
        .ok();
    for (part, said) in [
        ("recorded as ann@acme.example, by signature", &said.stdout),
        ("the next `headwater run` merges it", &said.stderr),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        !said.stderr.contains("signers"),
        "every line is read: {}",
        said.stderr
    );
    world.passes().await;
    assert_eq!(world.holds("shop/prod").await.as_deref(), Some("1.0.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_signers_that_cannot_be_read_is_told_to_everybody_it_concerns() {
    let prod = "  delivery: pullRequest\n  approvals: {count: 1}\n";
    let world = World::with(prod, "").await;
    world.build("1.0.0");
    world.passes().await;
    let folder = world.machine.folder();
    let (file, key) = (folder.join("signers"), folder.join("headwater"));
    let pair = PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[7; 32])), "").unwrap();
    pair.write_openssh_file(&key, LineEnding::LF).unwrap();
    let settings = std::fs::read_to_string(&world.settings).unwrap();
    let signed = format!(
        "forge: {{offline: {{allowedSigners: '{}'}}}}",
        file.display()
    );
    let settings = settings.replace("forge: {offline: {trust: push}}", &signed);
    std::fs::write(&world.settings, settings).unwrap();
    let key = key.display().to_string();
    for (garbage, why) in [(None, "cannot read `"), (Some("garbage\n"), "line 1: ")] {
        if let Some(text) = garbage {
            std::fs::write(&file, text).unwrap();
        }
        for verb in ["run", "status"] {
            let said = world.run(&[verb]).ok();
            for words in ["allowedSigners", why, "fault=\"operator\""] {
                assert!(said.stderr.contains(words), "{words}: {said:#?}");
            }
        }
        let said = world.run(&["pr", "approve", "shop/prod", "--key", &key]);
        assert!(said.stdout.contains(why), "{}", said.stdout);
        said.fails(1, &["0 of 1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_cannot_approve_by_signature_either() {
    let prod = "  delivery: pullRequest\n  approvals: {count: 1}\n";
    let world = World::with(prod, "").await;
    world.build("1.0.0");
    world.passes().await;
    world
        .run(&["pr", "close", "shop/prod", "--reason", "later"])
        .ok();
    world.build("1.1.0");
    world.passes().await;
    let asking = ["promote", "shop/prod", "--to", "1.1.0", "--reason", "CHG-1"];
    world
        .run(&[&asking[..], &["--push", "--yes"]].concat())
        .ok();
    world.passes().await;
    let folder = world.machine.folder();
    let (file, key) = (folder.join("signers"), folder.join("headwater"));
    let pair = PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[7; 32])), "").unwrap();
    pair.write_openssh_file(&key, LineEnding::LF).unwrap();
    let public = pair.public_key().to_openssh().unwrap();
    std::fs::write(&file, format!("mara@example.com {public}\n")).unwrap();
    let settings = std::fs::read_to_string(&world.settings).unwrap();
    let signed = format!(
        "forge: {{offline: {{allowedSigners: '{}'}}}}",
        file.display()
    );
    let settings = settings.replace("forge: {offline: {trust: push}}", &signed);
    std::fs::write(&world.settings, settings).unwrap();
    let key = key.display().to_string();
    let said = world.run(&["pr", "approve", "shop/prod", "--key", &key]);
    let why = "does not count: you asked for it";
    assert!(said.stdout.contains(why), "{}", said.stdout);
    said.fails(1, &[why, "0 of 1"]);
}
