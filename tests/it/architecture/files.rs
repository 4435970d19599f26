//! Files of the repository: where each lies among the modules, and which are compiled for tests only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::source::Source;

/// A file below a folder, its path relative to that folder.
pub(crate) struct File {
    /// Its path, with `/`.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
    /// Compiled for tests only.
    pub(crate) test: bool,
    /// Reading a file takes longer than all that is then asked of it.
    read: OnceLock<Source>,
}

impl File {
    /// A file that counts as no test yet.
    pub(crate) const fn new(path: String, text: String) -> Self {
        Self {
            path,
            text,
            test: false,
            read: OnceLock::new(),
        }
    }

    /// The module directly below the root; `None` for the roots themselves.
    pub(crate) fn module(&self) -> Option<&str> {
        let first = self.path.split('/').next()?;
        let name = first.strip_suffix(".rs").unwrap_or(first);
        (!matches!(name, "lib" | "main")).then_some(name)
    }

    /// How many modules it lies below the root.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        let is_folder = ["mod.rs", "lib.rs", "main.rs"].contains(&self.name());
        parts - usize::from(is_folder)
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What it holds.
    pub(crate) fn source(&self) -> &Source {
        let read = || Source::read(&self.text, self.depth(), self.test);
        self.read.get_or_init(read)
    }

    /// The files it declares with `#[cfg(test)] mod name;`, or the folders they are in.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.name() {
            "mod.rs" | "lib.rs" | "main.rs" => self.path.trim_end_matches(self.name()).to_owned(),
            _ => format!("{}/", self.path.trim_end_matches(".rs")),
        };
        if !self.text.contains("#[cfg(test)]") {
            return Vec::new();
        }
        let names = Source::read(&self.text, self.depth(), self.test).test_modules;
        names.iter().map(|name| format!("{folder}{name}")).collect()
    }
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the repository, read once for all tests.
pub(crate) fn rust_files(folder: &'static str) -> &'static [File] {
    static READ: Mutex<BTreeMap<&str, &[File]>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.entry(folder)
        .or_insert_with(|| Box::leak(read_all(folder).into_boxed_slice()))
}

fn read_all(folder: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|e| e == "rs"));
    assert!(!paths.is_empty(), "there are no files below {folder}");
    let relative = |path: &Path| {
        let path = path.strip_prefix(root().join(folder)).unwrap();
        path.to_str().unwrap().replace('\\', "/")
    };
    let text = |path| fs::read_to_string(path).unwrap();
    let files = paths
        .iter()
        .map(|path| File::new(relative(path), text(path)));
    mark_tests(files.collect())
}

/// Marks the files that others declare as compiled for tests only.
pub(crate) fn mark_tests(mut files: Vec<File>) -> Vec<File> {
    let modules: Vec<String> = files.iter().flat_map(File::test_modules).collect();
    for file in &mut files {
        let is_in = |module: &String| file.path.strip_prefix(module.as_str());
        file.test = modules
            .iter()
            .filter_map(is_in)
            .any(|rest| rest == ".rs" || rest.starts_with('/'));
    }
    files
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// What is in a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}
