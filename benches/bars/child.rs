//! Memory of our part, in a process of its own: what the kernel says is resident after passes over a large repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use headwater::allocator::give_back;
use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::engine::Ours;
use crate::measure::Plan;
use crate::registry::Embedded;
use crate::table::Row;

/// What a child is told, one thing in each line.
const TOLD: &str = "told";

/// Resident memory once the passes are over, and at its highest.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let corpus = Corpus::small(plan.manifests, plan.watched, plan.commits);
    let folder = TempDir::new().unwrap();
    let registry = Embedded::start();
    corpus.write(&folder.path().join("base.git"), &|repository, tag| {
        registry.push(repository, tag, 0)
    });
    let what = format!(
        "memory at {} watched tags and {} manifests",
        plan.watched, plan.manifests
    );
    let files = plan.manifests * corpus.bytes();
    let minute = plan.commits + 1;
    vec![row(what, folder.path(), &registry.address(), minute, files)]
}

/// What a child takes that makes passes over the repository in a folder, beginning at a minute.
pub(crate) fn row(what: String, folder: &Path, address: &str, minute: usize, files: usize) -> Row {
    fs::write(folder.join(TOLD), format!("{address}\n{minute}")).unwrap();
    let output = under(&std::env::current_exe().unwrap())
        .args(["--child", folder.to_str().unwrap()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|number| number.parse::<f64>().unwrap() / 1e3)
        .collect();
    let [resident, peak] = numbers[..] else {
        panic!("two numbers were expected: {text}");
    };
    let files = files as f64 / 1e6;
    Row {
        what,
        ours: format!("{resident:.0} MB resident (highest {peak:.0} MB)"),
        floor: format!("{files:.0} MB of manifests"),
        ratio: format!("{:.1} x", resident / files),
        bar: "<= 100 MB resident".to_owned(),
        met: Some(resident <= 100.0),
    }
}

/// A program, or a profiler that runs it: `BARS_UNDER='heaptrack -r -o /tmp/child'`.
fn under(program: &Path) -> Command {
    let profiler = std::env::var("BARS_UNDER").unwrap_or_default();
    let mut words = profiler.split_whitespace();
    let Some(first) = words.next() else {
        return Command::new(program);
    };
    let mut command = Command::new(first);
    command.args(words).arg(program);
    command
}

/// The child: a cold pass that asks for every watched tag, another a quarter of an hour later, and a quiet one.
pub(crate) fn run(folder: &Path) {
    let told = fs::read_to_string(folder.join(TOLD)).unwrap();
    let (address, minute) = told.split_once('\n').unwrap();
    let minute: usize = minute.parse().unwrap();
    let ours = Ours::open(&folder.join("base.git"), &folder.join("cache"), address);
    for minute in [minute, minute + 16, minute + 17] {
        assert!(ours.pass(minute), "nothing moved");
        // As the daemon does before it rests.
        give_back();
    }
    println!("{} {}", field("VmRSS"), field("VmHWM"));
}

/// A number of kilobytes from the kernel.
fn field(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
