//! Little to live on: few files, little memory, no home, nowhere to write, no locale, and nobody to be the child of. It
//! works, or says what exactly is missing.

use super::*;

const STREAMS: usize = 40;

/// The small repository and streams that fill it up.
async fn crowded() -> Machine {
    let mut files = small::files();
    for n in 0..STREAMS {
        let name = format!("more-{n}");
        let path = format!("pipelines/more/{name}.yaml");
        files.push((path, small::stream(&name)));
    }
    let machine = Machine::with(files).await;
    for n in 0..STREAMS {
        let spec = BuildSpec {
            content: n.to_string(),
            ..BuildSpec::default()
        };
        machine
            .registry
            .push(&format!("acme/more-{n}"), "main", spec);
    }
    machine
}

/// A command run by a shell that changes what it may have first.
fn after(machine: &Machine, shell: &str, command: &Command) -> Command {
    let mut wrapped = machine.hermetic.command("sh");
    let script = format!("{shell}\nexec \"$0\" \"$@\"");
    wrapped.arg("-c").arg(script).arg(command.get_program());
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    wrapped
}

#[track_caller]
fn imported_all(machine: &Machine) {
    let heads = machine.base().heads("main");
    let more = heads.keys().filter(|k| k.starts_with("more-")).count();
    assert_eq!(more, STREAMS);
    assert!(heads.contains_key("app:qa"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_files_and_a_quarter_of_a_gigabyte_are_enough() {
    for limit in ["ulimit -n 64", "ulimit -v 524288", "ulimit -v 262144"] {
        let machine = crowded().await;
        let command = after(&machine, limit, &machine.command(&["run"]));
        Said::of(command).await.ends(0, &["pushed"]);
        imported_all(&machine);
        // And once more on what the caches hold.
        machine.build("1.1.0");
        let command = after(&machine, limit, &machine.command(&["run"]));
        Said::of(command).await.ends(0, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_of_anything_is_said_in_words() {
    let machine = Machine::start().await;
    let command = after(&machine, "ulimit -n 8", &machine.command(&["run"]));
    let said = Said::of(command).await;
    let words = ["open files", "resource"];
    let told = words.iter().any(|w| said.text.to_lowercase().contains(w));
    assert!(told && said.code != Some(0), "{said:?}");
    assert_eq!(machine.base().subjects(), ["Begin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_home_nor_a_locale_nor_a_time_zone_is_needed() {
    let machine = Machine::start().await;
    machine.settle_settings(|settings| {
        settings["git"].as_object_mut().unwrap().remove("cacheDir");
    });
    let temporary = machine.folder().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = machine.command(&["run"]);
    for name in ["HOME", "LC_ALL", "TZ", "PATH", "GIT_CONFIG_GLOBAL"] {
        command.env_remove(name);
    }
    command.env("TMPDIR", &temporary);
    Said::of(command).await.ends(0, &["pushed"]);
    assert!(temporary.join("headwater").is_dir(), "caches go there");
}

/// Whether this machine lets us make namespaces; said aloud if not.
fn may_unshare(kind: &str) -> bool {
    let tried = Command::new("unshare").args([kind, "true"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("SKIPPED: this machine makes no namespace with {kind}");
    }
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_cannot_be_written_is_enough_and_a_cache_that_cannot_is_named() {
    if !may_unshare("--mount") {
        return;
    }
    let machine = Machine::start().await;
    std::fs::create_dir(machine.cache()).unwrap();
    let cache = machine.cache().display().to_string();
    // All mounts of this machine, in a namespace of its own, can only be read; the cache is a file system in memory.
    let read_only = "for m in $(cut -d' ' -f5 /proc/self/mountinfo | sort -r); do mount -o remount,bind,ro $m 2>/dev/null; done\n";
    let inside = |shell: String, arguments: &[&str]| {
        let inner = after(&machine, &shell, &machine.command(arguments));
        let mut outer = machine.hermetic.command("unshare");
        outer.arg("--mount").arg(inner.get_program());
        outer.args(inner.get_args());
        for (name, value) in inner.get_envs() {
            outer.env(name, value.unwrap());
        }
        outer
    };
    let command = inside(
        format!("{read_only}touch /x 2>/dev/null && exit 99\n"),
        &["run"],
    );
    Said::of(command)
        .await
        .ends(1, &["ead-only file system", &cache, "git.cacheDir"]);
    assert_eq!(machine.base().subjects(), ["Begin"]);

    let command = inside(
        format!("{read_only}mount -t tmpfs none {cache}\n"),
        &["run"],
    );
    Said::of(command).await.ends(0, &["pushed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_the_first_process_of_all_it_works_and_stops_when_told() {
    if !may_unshare("--pid") {
        return;
    }
    let machine = Machine::start().await;
    let inner = machine.command(&["serve"]);
    let mut outer = machine.hermetic.command("unshare");
    outer
        .args(["--pid", "--fork", "--kill-child"])
        .arg(inner.get_program())
        .args(inner.get_args());
    let mut daemon = Daemon::start(outer);
    wait_for("qa", || machine.base().heads("main").contains_key("app:qa"));
    let id = daemon.child.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let sent = Command::new("kill")
        .args(["-s", "TERM", children.trim()])
        .status();
    assert!(sent.unwrap().success());
    wait_for("end", || daemon.child.try_wait().unwrap().is_some());
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
}
