//! Which files of a repository are read as documents at all, and as what.

use crate::model::RepoPath;
use crate::model::repository_config::Paths;

/// What a file is read as, by the folder it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Pipelines and image streams.
    Pipelines,
    /// Image streams and pipelines.
    Streams,
    /// Environments.
    Environments,
    /// Holds: what cannot be read here holds every promotion.
    Holds,
    /// Freezes: what cannot be read here holds every promotion.
    Freezes,
    /// `headwater.yaml`.
    Config,
}

/// Where a repository says what it chooses for itself.
pub const CONFIG_FILES: [&str; 2] = ["headwater.yaml", "headwater.yml"];

impl Role {
    /// Whether the folder is one of people's brakes, which fail closed.
    pub const fn is_brake(self) -> bool {
        matches!(self, Self::Holds | Self::Freezes)
    }
}

/// What a path is read as, or `None` for files that are never read as documents: other endings, dot paths, templates,
/// values of applications, and everything below a folder `rendered` of an environment.
pub fn role_of(path: &RepoPath, paths: &Paths) -> Option<Role> {
    if CONFIG_FILES.contains(&path.as_str()) {
        return Some(Role::Config);
    }
    if path.has_dot_component() {
        return None;
    }
    let folders = [
        (&paths.templates, None),
        (&paths.pipelines, Some(Role::Pipelines)),
        (&paths.streams, Some(Role::Streams)),
        (&paths.environments, Some(Role::Environments)),
        (&paths.holds, Some(Role::Holds)),
        (&paths.freezes, Some(Role::Freezes)),
    ];
    // Folders may lie within each other; the innermost says what a file is. Of equal folders the strictest counts.
    let (folder, role) = folders
        .into_iter()
        .filter(|(folder, _)| path.is_below(folder))
        .max_by_key(|(folder, role)| (folder.as_str().len(), *role))?;
    let inside = path.as_str().strip_prefix(folder.as_str())?;
    let role = role?;
    let ending = path.file_name().rsplit_once('.').map(|(_, ending)| ending);
    let is_document = match role.is_brake() {
        true => !is_for_people(path.file_name()),
        false => matches!(ending, Some("yaml" | "yml" | "json")),
    };
    match role {
        Role::Environments if is_no_environment(inside) => None,
        role => is_document.then_some(role),
    }
}

/// Whether a file among brakes explains itself to people. Every other one is a brake, whatever its ending: a slip in a file's
/// name lifts nothing.
fn is_for_people(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    matches!(stem, "readme" | "owners" | "codeowners" | "license")
        || [".md", ".adoc", ".rst"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// `/<env>/.../rendered/...` is ours, and `/<env>/<app>/values.yaml` belongs to an application.
fn is_no_environment(inside: &str) -> bool {
    let parts: Vec<&str> = inside.trim_start_matches('/').split('/').collect();
    let (file, folders) = match parts.split_last() {
        Some((file, folders)) => (*file, folders),
        None => return true,
    };
    folders.iter().skip(1).any(|folder| *folder == "rendered")
        || (folders.len() >= 2 && file.starts_with("values."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_are_read() {
        let paths = Paths {
            holds: "environments/holds".parse().unwrap(),
            ..Paths::default()
        };
        for (path, role) in [
            ("headwater.yaml", Some(Role::Config)),
            ("pipelines/a/pipeline.yaml", Some(Role::Pipelines)),
            ("pipelines/a/is.json", Some(Role::Pipelines)),
            ("pipelines/README.md", None),
            ("pipelines/.hidden/x.yaml", None),
            ("streams/a.yml", Some(Role::Streams)),
            ("streamsx/a.yml", None),
            ("environments/prod.yaml", Some(Role::Environments)),
            ("environments/values.yaml", Some(Role::Environments)),
            (
                "environments/prod/environment.yaml",
                Some(Role::Environments),
            ),
            ("environments/prod/myapp/values.yaml", None),
            ("environments/prod/rendered/myapp/deployment.yaml", None),
            (
                "environments/rendered/environment.yaml",
                Some(Role::Environments),
            ),
            ("environments/holds/x.yaml", Some(Role::Holds)),
            ("freezes/x.yaml", Some(Role::Freezes)),
            ("templates/web/values.yaml", None),
            ("apps/x.yaml", None),
            ("x.yaml", None),
        ] {
            assert_eq!(role_of(&path.parse().unwrap(), &paths), role, "{path}");
        }
    }
}
