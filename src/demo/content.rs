//! The example content of this project, as the demo's people commit it: built into the program, so that the demo needs no
//! file beside it.

/// Paths and texts.
macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)))),*]
    };
}

/// Every file below `pipelines/`, `templates/` and `environments/`, sorted by path.
pub const FILES: &[(&str, &str)] = embedded![
    "environments/dev.yaml",
    "environments/dev/myapp/values.yaml",
    "environments/prod.yaml",
    "environments/prod/keycloak/values.yaml",
    "environments/prod/myapp/values.yaml",
    "environments/qa.yaml",
    "environments/qa/myapp/values.yaml",
    "pipelines/keycloak/imagestream.yaml",
    "pipelines/keycloak/pipeline.yaml",
    "pipelines/myapp/imagestream.yaml",
    "pipelines/myapp/pipeline.yaml",
    "templates/web-service/deployment.yaml.hbs",
    "templates/web-service/partials/labels.hbs",
    "templates/web-service/service.yaml.hbs",
    "templates/web-service/values.yaml",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn collect(folder: &Path, name: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect(&entry.path(), &name, found);
            } else if !name.ends_with(".md") {
                found.push((name, fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }

    #[test]
    fn every_file_of_the_example_content_is_embedded() {
        let mut found = Vec::new();
        for folder in ["environments", "pipelines", "templates"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            collect(&path, folder, &mut found);
        }
        found.sort();
        let embedded: Vec<(String, String)> = FILES
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        assert_eq!(embedded, found);
    }
}
