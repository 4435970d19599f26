//! Names as `oc` users type them: `[namespace/]stream`, `[namespace/]stream:tag`, `[namespace/]stream@id`.

use super::{Refused, Scene};
use crate::model::{StreamKey, TagKey, TagName};

impl Scene<'_> {
    /// `[namespace/]stream`.
    ///
    /// # Errors
    /// When it is not such a name.
    pub fn stream_key(&self, text: &str) -> Result<StreamKey, Refused> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let no = |why: String| {
            Refused::usage(format!("`{text}` names no image stream: {why}"))
                .help("write STREAM or NAMESPACE/STREAM")
        };
        let namespace = match namespace {
            Some(namespace) => namespace
                .parse()
                .map_err(|e: crate::model::name::NameError| no(e.to_string()))?,
            None => self.namespace.clone(),
        };
        let name = name
            .parse()
            .map_err(|e: crate::model::name::NameError| no(e.to_string()))?;
        Ok(StreamKey { namespace, name })
    }

    /// `[namespace/]stream:tag`. Any tag will do if it is only to be deleted: bad names must be able to go.
    ///
    /// # Errors
    /// When it is not such a name.
    pub fn tag_key(&self, text: &str, any_tag: bool) -> Result<TagKey, Refused> {
        let no = |why: &str| {
            Refused::usage(format!("`{text}` names no tag of an image stream: {why}"))
                .help("write STREAM:TAG or NAMESPACE/STREAM:TAG")
        };
        if text.contains('@') {
            return Err(no("it names an image by its digest"));
        }
        let Some((stream, tag)) = text.split_once(':') else {
            return Err(no("the tag is missing"));
        };
        if tag.is_empty() || stream.is_empty() {
            return Err(no("a part is empty"));
        }
        if tag.contains(':') && !any_tag {
            return Err(no("there are two colons"));
        }
        if !any_tag && let Err(error) = tag.parse::<TagName>() {
            return Err(no(&error.to_string()));
        }
        Ok(TagKey::new(self.stream_key(stream)?, tag))
    }
}
