//! The copy on disk under damage: it is a cache, so it is set aside and made anew, and nothing is lost or done twice.

use std::path::{Path, PathBuf};
use std::process::Command;

use headwater::observe::ObserveError;
use headwater::reconciler::Pass;

use crate::support::git_http::git;
use crate::support::world::{World, shown};

/// The only mirror in a cache.
fn mirror(cache: &Path) -> PathBuf {
    let entries = std::fs::read_dir(cache).unwrap().map(|e| e.unwrap().path());
    let mut mirrors = entries.filter(|path| path.extension().is_some_and(|e| e == "git"));
    mirrors.next().expect("there is a mirror")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Puts other bytes into a file that may be read-only.
fn overwrite(path: &Path, change: impl Fn(&[u8]) -> Vec<u8>) {
    let bytes = change(&std::fs::read(path).unwrap());
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A pass of a daemon: what heals by itself may fail once.
async fn try_pass(world: &World) -> Option<Pass> {
    match world.engine.reconciler.pass(world.now()).await {
        Ok(pass) => Some(pass),
        Err(error) => {
            assert!(error.is_transient(), "{error}");
            assert!(matches!(error, ObserveError::Git(_)), "{error}");
            None
        }
    }
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 7] = [
    ("packs cut in the middle", |mirror| {
        for file in files_below(&mirror.join("objects/pack")) {
            if file.extension().is_some_and(|e| e == "pack") {
                overwrite(&file, |bytes| bytes[..bytes.len() / 2].to_vec());
            }
        }
    }),
    ("zeroed indexes of packs", |mirror| {
        for file in files_below(&mirror.join("objects/pack")) {
            if file.extension().is_some_and(|e| e == "idx") {
                overwrite(&file, |bytes| vec![0; bytes.len()]);
            }
        }
    }),
    ("zeroed loose objects", |mirror| {
        for file in files_below(&mirror.join("objects")) {
            if file.extension().is_none() {
                overwrite(&file, |bytes| vec![0; bytes.len()]);
            }
        }
    }),
    ("an empty ref", |mirror| {
        std::fs::write(mirror.join("refs/heads/main"), "").unwrap();
    }),
    ("a ref to nothing", |mirror| {
        std::fs::write(mirror.join("refs/heads/main"), "1".repeat(40) + "\n").unwrap();
    }),
    ("no HEAD", |mirror| {
        std::fs::remove_file(mirror.join("HEAD")).unwrap();
    }),
    ("a settings file of rubbish", |mirror| {
        std::fs::write(mirror.join("config"), "[[[").unwrap();
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_of_the_repository_is_made_anew_without_losing_or_repeating_anything() {
    let mut world = World::served(&[]).await;
    world.good_build("1.0.0");
    world.settle().await;
    for (n, (damage, make)) in DAMAGES.iter().enumerate() {
        let before = world.repository.line().len();
        make(&mirror(&world.folder().join("cache")));
        if n % 2 == 1 {
            world.restart();
        }
        let build = world.good_build(&format!("1.1.{n}"));
        let mut failed = 0;
        while try_pass(&world).await.is_none() {
            failed += 1;
            assert!(failed < 3, "{damage}: it does not heal");
        }
        let passes = world.settle().await;
        let story: Vec<String> = passes.iter().map(|pass| shown(&pass.plan)).collect();
        let story = story.join("\n");
        assert_eq!(world.head("app", "qa"), Some(build), "{damage}\n{story}");
        assert_eq!(world.repository.line().len(), before + 2, "{damage}");
    }
    git(world.repository.path(), &["fsck", "--strict"]);
    git(
        &mirror(&world.folder().join("cache")),
        &["fsck", "--no-dangling"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_in_the_mirror_is_swept_away() {
    let mut world = World::served(&[]).await;
    world.good_build("1.0.0");
    world.settle().await;
    let mirror = mirror(&world.folder().join("cache"));
    for lock in [
        "HEAD.lock",
        "packed-refs.lock",
        "config.lock",
        "refs/heads/main.lock",
    ] {
        std::fs::write(mirror.join(lock), "").unwrap();
    }
    let half = mirror.join("objects/pack/pack_git2_a1b2c3");
    std::fs::write(&half, "PACK and then the plug was pulled").unwrap();
    let old = mirror.join("objects/tmp_object_git2_a1b2c3");
    std::fs::write(&old, "half an object").unwrap();
    let young = mirror.join("objects/tmp_object_git2_d4e5f6");
    std::fs::write(&young, "somebody may be writing it").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 3600);
    std::fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    world.restart();
    world.person_commits(&[("notes.md", "new\n")], "Something to fetch");
    let build = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    assert!(!half.exists() && !old.exists() && young.exists());
}

/// A disk of its own, as small as one likes; only root can have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&path)
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("SKIPPED: only root can mount a small disk");
            return None;
        }
        Some(Self(path))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &options]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }

    /// Takes all space there is; gives the file that holds it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while std::io::Write::write_all(&mut file, &vec![b'x'; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_work_and_not_the_truth_and_it_goes_on_once_there_is_room() {
    let mut world = World::served(&[]).await;
    let Some(disk) = SmallDisk::mount(world.folder().join("disk"), "2m") else {
        return;
    };
    let cache = disk.0.clone();
    world.operator(|settings| settings.git.cache_dir = cache);
    world.good_build("1.0.0");
    world.settle().await;
    let before = world.repository.line().len();

    // Nothing can be written at all: neither objects nor what is remembered.
    let filler = disk.fill();
    let build = world.good_build("1.1.0");
    for _ in 0..2 {
        if let Some(pass) = try_pass(&world).await {
            let refused = &pass.receipt.refused;
            assert!(refused.iter().any(|r| r.fault.heals()), "{refused:?}");
            assert!(format!("{refused:?}").contains("space"), "{refused:?}");
            assert!(pass.receipt.done.is_empty());
        }
    }
    assert_eq!(world.repository.line().len(), before);
    for file in files_below(&disk.0.join("observed")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|line| !line.is_empty());
        let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(
            !text.is_empty() && lines.into_iter().all(whole),
            "{}",
            file.display()
        );
    }
    std::fs::remove_file(filler).unwrap();
    world.restart();
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));

    // What is to be fetched does not fit.
    let mut random = fastrand::Rng::with_seed(1);
    let large: String = (0..4 << 20).map(|_| random.alphanumeric()).collect();
    world.person_commits(&[("large.txt", &large)], "Too large");
    let build = world.good_build("1.2.0");
    for _ in 0..2 {
        assert!(
            try_pass(&world).await.is_none(),
            "it cannot have been fetched"
        );
    }
    disk.grow("64m");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    git(&mirror(&disk.0), &["fsck", "--no-dangling"]);
}
