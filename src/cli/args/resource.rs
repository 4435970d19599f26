//! What `get` and `describe` are asked for: a kind by any of its names, and names of that kind, as `oc` takes them.

use std::fmt;

use crate::cli::error::CliError;
use crate::manifests::suggest::nearest;

/// The group that upstream's kinds are in.
const GROUP: &str = ".image.openshift.io";

/// A kind of thing that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A stream.
    ImageStream,
    /// The current image of a tag.
    ImageStreamTag,
    /// An image in the history of a stream, by digest.
    ImageStreamImage,
    /// A tag: what is wished of it and what was recorded.
    ImageTag,
}

/// The names of each kind, as `oc` has them: singular, plural, short.
const NAMES: [(Resource, [&str; 3]); 4] = [
    (Resource::ImageStream, ["imagestream", "imagestreams", "is"]),
    (
        Resource::ImageStreamTag,
        ["imagestreamtag", "imagestreamtags", "istag"],
    ),
    (
        Resource::ImageStreamImage,
        ["imagestreamimage", "imagestreamimages", "isimage"],
    ),
    (Resource::ImageTag, ["imagetag", "imagetags", "itag"]),
];

impl Resource {
    fn parse(word: &str) -> Result<Self, CliError> {
        let lower = word.to_ascii_lowercase();
        let name = lower.strip_suffix(GROUP).unwrap_or(&lower);
        let all = NAMES.iter();
        if let Some((kind, _)) = all.clone().find(|(_, names)| names.contains(&name)) {
            return Ok(*kind);
        }
        let known = all.flat_map(|(_, names)| names.iter().copied());
        let meant = nearest(name, known).map(|word| format!("did you mean `{word}`? "));
        Err(
            CliError::usage(format!("there is no kind `{word}` here")).help(format!(
                "{}kinds are is, istag, isimage and imagetag",
                meant.unwrap_or_default()
            )),
        )
    }

    /// The singular with the group, as `-o name` prints it.
    pub const fn full(self) -> &'static str {
        match self {
            Self::ImageStream => "imagestream.image.openshift.io",
            Self::ImageStreamTag => "imagestreamtag.image.openshift.io",
            Self::ImageStreamImage => "imagestreamimage.image.openshift.io",
            Self::ImageTag => "imagetag.image.openshift.io",
        }
    }

    /// `kind` of its objects.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ImageStream => "ImageStream",
            Self::ImageStreamTag => "ImageStreamTag",
            Self::ImageStreamImage => "ImageStreamImage",
            Self::ImageTag => "ImageTag",
        }
    }

    /// For sentences: `image streams`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::ImageStream => "image streams",
            Self::ImageStreamTag => "image stream tags",
            Self::ImageStreamImage => "image stream images",
            Self::ImageTag => "image tags",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ImageStream => "image stream",
            Self::ImageStreamTag => "image stream tag",
            Self::ImageStreamImage => "image stream image",
            Self::ImageTag => "image tag",
        })
    }
}

/// What was asked for, in order: `is`, `is,istag`, `is NAME...`, or `is/NAME istag/NAME...`.
///
/// # Errors
/// When a word names no kind, or both ways are mixed.
pub fn asked(words: &[String]) -> Result<Vec<(Resource, Option<String>)>, CliError> {
    let Some((first, names)) = words.split_first() else {
        return Err(CliError::usage("say what to look at").help("headwater get is"));
    };
    if first.contains('/') {
        return words.iter().map(|word| together(word)).collect();
    }
    let kinds: Vec<Resource> = first
        .split(',')
        .map(Resource::parse)
        .collect::<Result<_, _>>()?;
    let things = kinds.into_iter().flat_map(|kind| match names {
        [] => vec![(kind, None)],
        names => names.iter().map(|n| (kind, Some(n.clone()))).collect(),
    });
    Ok(things.collect())
}

/// `is/NAME`; the name may have its namespace in front.
fn together(word: &str) -> Result<(Resource, Option<String>), CliError> {
    match word.split_once('/') {
        Some((kind, name)) if !name.is_empty() => {
            Ok((Resource::parse(kind)?, Some(name.to_owned())))
        }
        _ => Err(CliError::usage(format!("`{word}` is not KIND/NAME"))
            .help("write `is NAME NAME`, or `is/NAME is/NAME`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn kinds_have_the_names_that_oc_gives_them() {
        for (line, kind) in [
            ("is", Resource::ImageStream),
            ("imagestreams", Resource::ImageStream),
            ("ImageStream", Resource::ImageStream),
            ("imagestream.image.openshift.io", Resource::ImageStream),
            ("istag", Resource::ImageStreamTag),
            ("imagestreamtags", Resource::ImageStreamTag),
            ("isimage", Resource::ImageStreamImage),
            ("imagestreamimage", Resource::ImageStreamImage),
            ("imagetag", Resource::ImageTag),
            ("imagetags", Resource::ImageTag),
            ("itag", Resource::ImageTag),
        ] {
            assert_eq!(asked(&words(line)), Ok(vec![(kind, None)]), "{line}");
        }
    }

    #[test]
    fn names_follow_their_kind_or_are_joined_to_it() {
        let name = |kind, name: &str| (kind, Some(name.to_owned()));
        assert_eq!(
            asked(&words("istag a:1 team/b:2")),
            Ok(vec![
                name(Resource::ImageStreamTag, "a:1"),
                name(Resource::ImageStreamTag, "team/b:2"),
            ])
        );
        assert_eq!(
            asked(&words("is,imagetag")),
            Ok(vec![
                (Resource::ImageStream, None),
                (Resource::ImageTag, None),
            ])
        );
        assert_eq!(
            asked(&words("is/a istag/team/b:2")),
            Ok(vec![
                name(Resource::ImageStream, "a"),
                name(Resource::ImageStreamTag, "team/b:2"),
            ])
        );
    }

    #[test]
    fn what_is_no_kind_is_refused_with_the_nearest_one() {
        let refused = |line: &str| asked(&words(line)).unwrap_err();
        let error = refused("imagestraem");
        assert!(error.help.unwrap().contains("`imagestream`"));
        assert!(refused("pods").help.unwrap().contains("kinds are is"));
        assert!(refused("is,pods").message.contains("`pods`"));
        assert!(refused("pods/x").message.contains("`pods`"));
        assert!(refused("is/").message.contains("is not KIND/NAME"));
        assert!(refused("is/a b").message.contains("`b` is not KIND/NAME"));
        assert!(refused("").message.contains("say what"));
    }
}
