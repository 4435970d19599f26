//! The stable codes of problems, so that people can look them up and tools can filter them. A code is never given anew.

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        $($(#[doc = $doc])* pub const $name: &str = $code;)*

        /// Every code with its meaning, sorted by code.
        pub const ALL: &[(&str, &str)] = &[$(($code, concat!($($doc),*))),*];
    };
}

codes! {
    /// A file is too large, not UTF-8, or only a pointer to one.
    UNREADABLE = "HW0001";
    /// A file is no YAML.
    SYNTAX = "HW0002";
    /// Template braces that YAML takes for a map.
    BRACES = "HW0003";
    /// A key is said twice in one map.
    DUPLICATE_KEY = "HW0004";
    /// Nesting or aliases go further than is followed.
    TOO_DEEP = "HW0005";
    /// A value of the wrong kind or form.
    VALUE = "HW0006";
    /// A field that does not exist.
    UNKNOWN_FIELD = "HW0007";
    /// A field that must be there is missing.
    MISSING_FIELD = "HW0008";
    /// A kind or version that does not exist.
    UNKNOWN_KIND = "HW0009";
    /// A document in a folder where it does not belong.
    MISPLACED = "HW0010";
    /// More problems than are shown.
    TOO_MANY_PROBLEMS = "HW0011";
    /// A file with nothing in it but comments.
    EMPTY = "HW0012";
    /// Two pipelines of one name.
    PIPELINE_TWICE = "HW0101";
    /// A pipeline names an image stream that does not exist.
    UNKNOWN_STREAM = "HW0102";
    /// A stage names an environment that does not exist.
    UNKNOWN_ENVIRONMENT = "HW0103";
    /// A pipeline without stages.
    NO_STAGES = "HW0104";
    /// Two stages of one name in a pipeline.
    STAGE_TWICE = "HW0110";
    /// A stage takes sets from itself.
    FROM_ITSELF = "HW0111";
    /// A stage takes sets from a stage that does not exist.
    UNKNOWN_STAGE = "HW0112";
    /// More than one stage precedes and `from` does not say which is meant.
    FROM_MISSING = "HW0113";
    /// Stages take sets from each other in a circle.
    STAGE_CYCLE = "HW0114";
    /// Two stages write one tag.
    TAG_TWICE = "HW0115";
    /// A release tag is the tag of a stage.
    RELEASE_TAG = "HW0116";
    /// A gate in a list where its kind has no meaning.
    GATE_LIST = "HW0117";
    /// A time zone that does not exist.
    TIME_ZONE = "HW0118";
    /// Approvals where no pull request is opened.
    APPROVALS = "HW0119";
    /// Windows without times, or that are never open.
    WINDOW = "HW0120";
    /// A stage that goes back by itself, and never can.
    AUTO_ROLLBACK = "HW0121";
    /// A condition of a pipeline that asks for less than its environment does.
    FLOOR = "HW0122";
    /// A stage that lacks what the operator's guard asks for, or a key that it does not allow.
    GUARD = "HW0123";
    /// A later stage that takes sets from no other one.
    FROM_NOTHING = "HW0124";
    /// A condition that asks whom the operator's settings do not name.
    NOT_NAMED = "HW0125";
    /// Two environments of one name.
    ENVIRONMENT_TWICE = "HW0201";
    /// An application names a template that does not exist.
    UNKNOWN_TEMPLATE = "HW0202";
    /// An application that says nothing, or several things, about how it is written.
    APPLICATION_KIND = "HW0203";
    /// A path that leaves its folder.
    PATH_LEAVES = "HW0204";
    /// A path to a place that is not written or not followed.
    PATH_FORBIDDEN = "HW0205";
    /// An application that follows two stages of one stream.
    TWO_STAGES = "HW0206";
    /// Two applications of one name in an environment.
    APPLICATION_TWICE = "HW0207";
    /// An application names a stage or stream that it cannot follow.
    APPLICATION_IMAGE = "HW0208";
    /// An application `*` that cannot stand for several.
    EVERY = "HW0209";
    /// A soak that counts time in Git, not in the cluster.
    SOAK = "HW0301";
    /// A hold of a pipeline or stage that does not exist.
    HOLD_TARGET = "HW0302";
    /// A freeze of an environment or pipeline that does not exist.
    FREEZE_TARGET = "HW0303";
    /// Two image streams of one identity.
    STREAM_TWICE = "HW0401";
    /// Two tags of one name in a stream.
    STREAM_TAG_TWICE = "HW0402";
    /// A tag whose name is not valid.
    TAG_NAME = "HW0403";
    /// A scheduled tag whose source is not in a registry.
    SCHEDULED = "HW0404";
    /// A source that cannot be read.
    SOURCE_NAME = "HW0405";
    /// A kind of source that does not exist.
    SOURCE_KIND = "HW0406";
    /// Tags that follow each other in a circle.
    ALIAS_CYCLE = "HW0407";
    /// A tag that follows a tag that does not exist.
    ALIAS_MISSING = "HW0408";
    /// A generation of nought, which asks for an import at every sync.
    GENERATION = "HW0409";
    /// A wish for insecure transport.
    INSECURE = "HW0410";
    /// A first stage whose tag is imported once and never again.
    NOT_SCHEDULED = "HW0411";
    /// History of a tag that nobody wishes any more.
    HISTORY_ONLY = "HW0412";
    /// A stream that cannot be reached by a short name because of the dot in its name.
    DOTTED_NAME = "HW0413";
    /// An annotation of ours that cannot be read.
    ANNOTATION = "HW0414";
    /// A field of an image stream that does not exist there.
    STREAM_FIELD = "HW0415";
    /// An image stream whose name or namespace is not valid.
    STREAM_NAME = "HW0416";
    /// A policy with a value that does not exist.
    POLICY = "HW0417";
    /// More tags, stages or applications than are read.
    TOO_MANY = "HW0418";
    /// `spec.dockerImageRepository` of an image stream that names no repository.
    STREAM_REPOSITORY = "HW0419";
    /// An item of a stream's history without the image it is about.
    NO_REFERENCE = "HW0420";
    /// An image that its registry does not have any more.
    IMAGE_GONE = "HW0421";
    /// A rule for newer tags that can never choose one.
    FOLLOW = "HW0422";
    /// A rule for newer tags where only promotions move the tag.
    FOLLOW_UNREAD = "HW0423";
    /// A symbolic link or submodule where a file is read.
    NO_FILE = "HW0501";
    /// A file whose name no path can hold.
    NO_PATH = "HW0502";
    /// Values that are no YAML.
    VALUES_SYNTAX = "HW0601";
    /// Values that cannot be read.
    VALUES = "HW0602";
    /// Values that are no map.
    VALUES_MAP = "HW0603";
    /// Values in several documents.
    VALUES_DOCUMENTS = "HW0604";
    /// A template that cannot be used.
    TEMPLATE = "HW0701";
    /// An expression of a gate that cannot be parsed.
    EXPRESSION = "HW0702";
    /// A key of a gate that is none.
    KEY = "HW0703";
    /// A short name that no image stream answers for.
    SHORT_NAME = "HW0801";
    /// Image change triggers that are passed over together.
    TRIGGERS = "HW0802";
    /// An image change trigger that never fires.
    TRIGGER = "HW0803";
    /// A matrix that cannot be read.
    MATRIX = "HW0901";
    /// A matrix that gives nothing.
    MATRIX_EMPTY = "HW0902";
    /// A matrix that gives more than is read.
    MATRIX_SIZE = "HW0903";
    /// A placeholder for something that a matrix does not have.
    MATRIX_PLACEHOLDER = "HW0904";
    /// Results of a matrix with one name.
    MATRIX_NAME = "HW0905";
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_unique_and_sorted() {
        let codes: Vec<&str> = super::ALL.iter().map(|(code, _)| *code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }
}
