//! What `--keep` leaves behind: settings that work without the demo's registry, and a note on how to go on.

use std::path::Path;

use super::world::{BASE, World, operator_yaml, write};
use crate::cli::CliError;

/// Writes what the reader needs to go on.
///
/// # Errors
/// When a file cannot be written or the clone cannot be brought up to date.
pub(super) fn leave(world: &World) -> Result<(), CliError> {
    let root = world.root();
    world.pull()?;
    write(&root.join("operator.yaml"), &operator_yaml(root, None))?;
    write(&root.join("README.md"), &readme(root))
}

/// Commands to go on with, for this folder.
pub(super) fn next(root: &Path) -> Vec<String> {
    let shown = |name: &str| quoted(&root.join(name).display().to_string());
    let (config, base, work) = (shown("operator.yaml"), shown("repo.git"), shown("work"));
    vec![
        format!("git -C {base} log --oneline {BASE}"),
        format!("headwater --config {config} --repo {base} status"),
        format!("headwater --config {config} --repo {base} pr list"),
        format!("cd {work} && headwater check"),
    ]
}

/// In quotes where a shell needs them.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

fn readme(root: &Path) -> String {
    let commands: Vec<String> = next(root).iter().map(|c| format!("    {c}")).collect();
    format!(
        "# What `headwater demo --keep` left here\n\n\
         - `repo.git`: the bare repository of the story. Its branch `{BASE}` is the base; pull requests are refs below\n  \
           `refs/headwater/`.\n\
         - `work`: a person's clone of it. It says that you are Mara; `git config user.email` changes that.\n\
         - `operator.yaml`: the operator's settings. Approvals count for whoever they name; for a demo only.\n\
         - `cache`: what was read once. It may be deleted; labels of images are then unknown.\n\n\
         The story's registry, `registry.example`, went away with the demo, so imports fail from here on, and are reported.\n\
         All else goes on: what is in Git is enough to say where everything is and why.\n\n{}\n\n\
         Everything here is yours; delete the folder when you are done.\n",
        commands.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("/tmp/x-1/repo.git"), "/tmp/x-1/repo.git");
        assert_eq!(quoted("/tmp/a b's"), "'/tmp/a b'\\''s'");
    }
}
