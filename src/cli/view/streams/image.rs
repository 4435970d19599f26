//! One image in full, as `oc describe istag` prints it.

use super::describe::{map, value};
use super::words::{NONE, ago, size};
use crate::cli::output::tabs::Tabbed;
use crate::model::Timestamp;
use crate::observe::Seen;
use crate::registry::ImageDetails;

/// An image and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its reference.
    pub reference: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// When it was recorded.
    pub created: Option<Timestamp>,
    /// What it says about itself, if that is known.
    pub seen: Option<&'a Seen>,
}

/// The text, each line with its end.
pub fn image(shown: &Shown<'_>, now: Timestamp) -> String {
    let mut out = Tabbed::default();
    value(&mut out, "Image Name", shown.digest);
    value(&mut out, "Docker Image", shown.reference);
    value(&mut out, "Name", shown.digest);
    if let Some(created) = shown.created {
        value(&mut out, "Created", &ago(created, now));
    }
    match shown.seen {
        Some(Seen {
            facts,
            details: Some(details),
        }) => {
            if details.platforms.is_empty() {
                single(&mut out, details, now);
                map(&mut out, "Docker Labels", &facts.labels);
                column(&mut out, "Environment", &details.environment);
                column(&mut out, "Volumes", &details.volumes);
            } else {
                index(&mut out, details, now);
                map(&mut out, "Docker Labels", &facts.labels);
            }
        }
        Some(Seen {
            facts,
            details: None,
        }) => {
            if !facts.platforms.is_empty() {
                value(&mut out, "Platforms", &facts.platforms.join(", "));
            }
            map(&mut out, "Docker Labels", &facts.labels);
        }
        None => {}
    }
    out.draw()
}

fn single(out: &mut Tabbed, details: &ImageDetails, now: Timestamp) {
    let bytes = size(details.size.unwrap_or_default());
    if details.layers.is_empty() {
        value(out, "Layer Size", &bytes);
    } else {
        let count = details.layers.len();
        value(out, "Image Size", &format!("{bytes} in {count} layers"));
        let layers = details.layers.iter();
        pairs(
            out,
            "Layers",
            layers.map(|layer| (size(layer.size), layer.digest.clone())),
        );
    }
    built(out, details, now);
    value(out, "Author", &details.author);
    value(out, "Arch", &details.architecture);
    if !details.entrypoint.is_empty() {
        value(out, "Entrypoint", &details.entrypoint.join(" "));
    }
    if !details.command.is_empty() || details.entrypoint.is_empty() {
        value(out, "Command", &details.command.join(" "));
    }
    value(out, "Working Dir", &details.working_dir);
    value(out, "User", &details.user);
    value(out, "Exposes Ports", &details.ports.join(", "));
}

/// An index has no layers of its own, only images for platforms.
fn index(out: &mut Tabbed, details: &ImageDetails, now: Timestamp) {
    built(out, details, now);
    let platforms = details.platforms.iter().map(|platform| {
        let (os, architecture) = (&platform.os, &platform.architecture);
        let name = match &platform.variant {
            Some(variant) => format!("{os}/{architecture}/{variant}"),
            None => format!("{os}/{architecture}"),
        };
        (name, platform.digest.to_string())
    });
    pairs(out, "Manifests", platforms);
}

fn built(out: &mut Tabbed, details: &ImageDetails, now: Timestamp) {
    let built = details.created.map(|at| ago(at, now));
    value(out, "Image Created", built.as_deref().unwrap_or(NONE));
}

/// `Label:` and lines of two cells each.
fn pairs(out: &mut Tabbed, label: &str, pairs: impl Iterator<Item = (String, String)>) {
    for (number, (first, second)) in pairs.enumerate() {
        let label = if number == 0 {
            format!("{label}:")
        } else {
            String::new()
        };
        out.line([label, first, second]);
    }
}

/// `Label:` and values below each other; nothing where there are none.
fn column(out: &mut Tabbed, label: &str, values: &[String]) {
    if !values.is_empty() {
        value(out, label, &values.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::ImageFacts;
    use crate::registry::{ImageLayer, Platform};

    fn now() -> Timestamp {
        "2026-01-05T09:00:00Z".parse().unwrap()
    }

    fn shown(seen: Option<&Seen>) -> String {
        let shown = Shown {
            reference: "quay.io/acme/app@sha256:1234",
            digest: "sha256:1234",
            created: "2026-01-05T07:00:00Z".parse().ok(),
            seen,
        };
        image(&shown, now())
    }

    fn labels() -> ImageFacts {
        ImageFacts {
            labels: [("version".to_owned(), "1.2".to_owned())].into(),
            platforms: vec!["linux/amd64".to_owned()],
            images: Vec::new(),
        }
    }

    #[test]
    fn an_image_is_told_with_its_layers_and_what_it_starts() {
        let layer = |digest: &str, size| ImageLayer {
            digest: digest.to_owned(),
            size,
        };
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let seen = Seen {
            facts: labels(),
            details: Some(Box::new(ImageDetails {
                created: "2026-01-01T09:00:00Z".parse().ok(),
                size: Some(4430),
                layers: vec![layer("sha256:1234", 3409), layer("sha256:5678", 1024)],
                architecture: "amd64".to_owned(),
                entrypoint: words(&["/app", "serve"]),
                working_dir: "/".to_owned(),
                ports: words(&["8080/tcp", "9090/tcp"]),
                environment: words(&["A=1", "B=\u{1b}[2J"]),
                volumes: words(&["/data"]),
                ..ImageDetails::default()
            })),
        };
        insta::assert_snapshot!(shown(Some(&seen)));
    }

    #[test]
    fn an_index_is_told_by_its_platforms_and_what_is_not_known_is_not_told() {
        let digest = crate::model::Digest::sha256(b"1");
        let platform = |variant: Option<&str>| Platform {
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
            variant: variant.map(str::to_owned),
            digest: digest.clone(),
        };
        let seen = Seen {
            facts: labels(),
            details: Some(Box::new(ImageDetails {
                platforms: vec![platform(None), platform(Some("v8"))],
                ..ImageDetails::default()
            })),
        };
        insta::assert_snapshot!(shown(Some(&seen)));
        let earlier = Seen {
            facts: labels(),
            details: None,
        };
        insta::assert_snapshot!(shown(Some(&earlier)));
        insta::assert_snapshot!(shown(None));
    }

    #[test]
    fn an_image_without_layers_and_command_says_so() {
        let seen = Seen {
            facts: ImageFacts::default(),
            details: Some(Box::default()),
        };
        let text = shown(Some(&seen));
        assert!(text.contains("Layer Size:\t0B\n"), "{text}");
        assert!(text.contains("Command:\t<none>\n"), "{text}");
        assert!(!text.contains("Entrypoint") && !text.contains("Environment"));
    }
}
