//! What `--keep` leaves behind: settings that work without the demo's registry, and a note on how to go on.

use std::path::Path;

use super::world::{BASE, LENA, World, operator_yaml, write};
use crate::cli::CliError;

/// Writes what the reader needs to go on; `pull` is the pull request that is open.
///
/// # Errors
/// When a file cannot be written or the clone cannot be brought up to date.
pub(super) fn leave(world: &World, pull: &str) -> Result<(), CliError> {
    let root = world.root();
    world.pull()?;
    write(&root.join("operator.yaml"), &operator_yaml(root, None))?;
    write(&root.join("README.md"), &readme(root, pull))
}

/// Commands to go on with, for this folder.
pub(super) fn next(root: &Path) -> Vec<String> {
    let shown = |name: &str| quoted(&root.join(name).display().to_string());
    let (config, base) = (shown("operator.yaml"), shown("repo.git"));
    vec![
        format!("git -C {base} log --oneline {BASE}"),
        format!("headwater --config {config} --repo {base} status"),
        format!("headwater --config {config} --repo {base} pr list"),
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

fn readme(root: &Path, pull: &str) -> String {
    let look: Vec<String> = next(root).iter().map(|c| format!("    {c}")).collect();
    let (look, lena) = (look.join("\n"), LENA.1);
    format!(
        "# What `headwater demo --keep` left here\n\n\
         - `repo.git`: the bare repository of the story. Its branch `{BASE}` is the base; pull requests are refs below\n  \
           `refs/headwater/`.\n\
         - `work`: a clone of it. Its Git configuration says that you are Mara.\n\
         - `operator.yaml`: the operator's settings. Approvals count for whoever they name: for a demo only.\n\
         - `cache`: what was read once, such as the labels of images.\n\n\
         The registry of the story went away with the demo. So imports fail from here on, are told as waiting, and change\n\
         nothing; all else goes on. To look around:\n\n{look}\n\n\
         To let 1.2.3 into prod, be Lena:\n\n    \
             cd work\n    \
             git config user.email {lena}\n    \
             headwater --config ../operator.yaml pr approve {pull}\n    \
             headwater --config ../operator.yaml run\n    \
             headwater --config ../operator.yaml why myapp/prod\n\n\
         All of this is yours; delete the folder when you are done.\n"
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
