//! Field paths of triggers: `<pod spec>.containers[INDEX or ?(@.name=="NAME")].image`, and nothing else (imagestreams 5).

/// Which container a path is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one at this place of a list.
    At(&'static str, usize),
    /// The one of this name, in whichever list.
    Named(String),
}

/// Why a path is not read, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) why: String,
    pub(crate) help: String,
    /// Whether only this trigger is passed over; otherwise no trigger of the object is applied.
    pub(crate) alone: bool,
}

const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Reads a path in an object that keeps its pods at `pod_spec`.
pub(crate) fn parse(path: &str, pod_spec: &str) -> Result<Which, Bad> {
    let example = format!("write {pod_spec}.containers[?(@.name==\"NAME\")].image");
    let bad = |why: &str| Bad {
        why: why.to_owned(),
        help: example.clone(),
        alone: false,
    };
    let Some(rest) = path
        .strip_prefix(pod_spec)
        .and_then(|rest| rest.strip_prefix('.'))
    else {
        return Err(Bad {
            alone: true,
            ..bad(&format!(
                "it does not begin with `{pod_spec}`, where the pods are"
            ))
        });
    };
    let list = LISTS
        .into_iter()
        .find(|list| rest.starts_with(&format!("{list}[")));
    let list = list.ok_or_else(|| bad("it leads to no list of containers"))?;
    let inside = rest[list.len() + 1..].strip_suffix("].image");
    let inside = inside.ok_or_else(|| bad("it does not end with `].image`"))?;
    if !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_digit()) {
        let index = inside.parse().map_err(|_| bad("its number is too large"))?;
        return Ok(Which::At(list, index));
    }
    let name = inside
        .strip_prefix("?(@.name==\"")
        .and_then(|rest| rest.strip_suffix("\")"));
    match name {
        Some(name) if !name.is_empty() && !name.contains('"') => Ok(Which::Named(name.to_owned())),
        _ if inside.contains('\'') => Err(bad("a name in single quotes is not read")),
        _ if inside.contains(' ') => Err(bad("spaces in it are not read")),
        _ => Err(bad(
            "what stands in brackets is neither a number nor a name",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "spec.template.spec";

    #[test]
    fn numbers_and_names_in_double_quotes_are_read() {
        let read = |rest: &str| parse(&format!("{SPEC}.{rest}"), SPEC);
        assert_eq!(read("containers[0].image"), Ok(Which::At("containers", 0)));
        assert_eq!(
            read("initContainers[12].image"),
            Ok(Which::At("initContainers", 12))
        );
        assert_eq!(
            read("containers[?(@.name==\"web\")].image"),
            Ok(Which::Named("web".to_owned()))
        );
        for (rest, why, alone) in [
            ("containers[?(@.name=='web')].image", "single quotes", false),
            ("containers[?(@.name == \"web\")].image", "spaces", false),
            ("containers[].image", "neither", false),
            ("containers[-1].image", "neither", false),
            ("containers[0].name", "does not end", false),
            ("volumes[0].image", "no list", false),
            ("containers[99999999999999999999].image", "too large", false),
        ] {
            let bad = read(rest).unwrap_err();
            assert!(
                bad.why.contains(why) && bad.alone == alone,
                "{rest}: {bad:?}"
            );
            assert!(bad.help.contains("containers[?(@.name==\"NAME\")].image"));
        }
        let elsewhere = parse("spec.containers[0].image", SPEC).unwrap_err();
        assert!(elsewhere.alone && elsewhere.why.contains(SPEC));
        assert!(
            parse("spec.template.specs.containers[0].image", SPEC)
                .unwrap_err()
                .alone
        );
    }
}
