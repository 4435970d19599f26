//! Caches deleted, damaged or written by a later version, while it is stopped and while it runs: they are made anew, and
//! nothing but time is lost.

use std::{fs, io};

use super::*;

/// Every file below a folder; what a daemon renames or deletes meanwhile may be missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in still_there(fs::read_dir(folder)).into_iter().flatten() {
        let path = entry.unwrap().path();
        match still_there(path.symlink_metadata()).map(|data| data.is_dir()) {
            Some(true) => found.extend(files(&path)),
            Some(false) => found.push(path),
            None => {}
        }
    }
    found
}

/// None where a daemon was quicker to take something away.
fn still_there<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        result => Some(result.unwrap()),
    }
}

/// Has every cache say that a later version wrote it; how many did.
fn later_version(cache: &Path) -> usize {
    let mut count = 0;
    for path in files(&cache.join("observed")) {
        let Some(bytes) = still_there(fs::read(&path)) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(at) = text.find("\"v\":").map(|at| at + 4) else {
            continue;
        };
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        let newer = format!("{}4711{}", &text[..at], &text[at + digits..]);
        fs::write(&path, newer).unwrap();
        count += 1;
    }
    count
}

/// Deletes a folder that somebody may be writing to.
fn remove(folder: &Path) {
    wait_for("empty folder", || {
        fs::remove_dir_all(folder).is_ok() || !folder.exists()
    });
}

fn damage(cache: &Path, with: &[u8]) {
    for path in files(cache) {
        // Objects are written once and cannot be opened for writing, except by whoever damages them.
        still_there(fs::remove_file(&path));
        still_there(fs::write(&path, with));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happened_to_the_caches_the_next_run_makes_them_anew() {
    let machine = Machine::start().await;
    machine.said(&["run"]).await.ends(0, &["pushed"]);
    let refs = machine.base().refs();
    let cache = machine.cache();
    let stories: [(&str, &dyn Fn()); 5] = [
        ("deleted", &|| remove(&cache)),
        ("emptied", &|| damage(&cache, b"")),
        ("overwritten", &|| damage(&cache, b"\0garbage\n")),
        ("cut", &|| {
            for path in files(&cache) {
                let bytes = fs::read(&path).unwrap();
                fs::remove_file(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }),
        ("from a later version", &|| {
            assert!(later_version(&cache) >= 3)
        }),
    ];
    for (what, story) in stories {
        story();
        let said = machine.said(&["run"]).await;
        assert_eq!(said.code, Some(0), "{what}: {said:?}");
        assert_eq!(machine.base().refs(), refs, "{what}: {said:?}");
        if what.contains("version") {
            said.ends(0, &["a later version of headwater wrote it", "made anew"]);
        }
        let again = machine.said(&["run"]).await;
        assert!(!again.text.contains("made anew"), "{what}: {again:?}");
    }
    // And it is not only quiet: it still works.
    machine.build("1.1.0");
    remove(&cache);
    machine.said(&["run"]).await.ends(0, &["pushed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_that_vanish_or_break_under_a_daemon_are_made_anew() {
    let machine = Machine::start().await;
    let daemon = machine.serve();
    wait_for("qa", || machine.base().heads("main").contains_key("app:qa"));
    let cache = machine.cache();
    let stories: [(&str, &dyn Fn()); 4] = [
        ("deleted", &|| remove(&cache)),
        ("overwritten", &|| damage(&cache, b"\0garbage\n")),
        ("from a later version", &|| {
            later_version(&cache);
        }),
        ("a file instead", &|| {
            remove(&cache);
            fs::write(&cache, b"").unwrap();
        }),
    ];
    for (number, (what, story)) in stories.into_iter().enumerate() {
        story();
        let file = ("note.txt".to_owned(), Some(what.as_bytes().to_vec()));
        let at = "2026-01-05T10:00:00Z".parse().unwrap();
        let head = machine.base().commit("Mara", at, what, &vec![file]);
        daemon.wake();
        if number == 3 {
            // Nothing can be kept there, and that is said until somebody mends it.
            daemon.wait_for("failure", |board| {
                let why = board["failure"].as_str().unwrap_or_default();
                why.contains(&*cache.to_string_lossy())
            });
            fs::remove_file(&cache).unwrap();
        }
        wait_for(what, || {
            daemon.wake();
            let board = daemon.board();
            board["commit"] == head.as_str() && board["failure"].is_null()
        });
    }
    assert!(cache.is_dir());
    assert_eq!(daemon.stop().code(), Some(0));
}
