//! Conditions in CEL over the facts of images. Bounded by counts before anything runs: length, nesting, and an upper
//! bound of the work that the expression can do on the facts at hand. Same facts, same outcome, same words.

pub mod answer;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::parser::PrattParser;
use cel::{Context, ExecutionError, IdedExpr, Value};

use super::typed::{self, Names};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 4_096;

/// Deepest recursion of the parser.
const MAX_NESTING: u16 = 48;

/// Most `?`, for each of which the parser recurses without counting.
const MAX_CHOICES: usize = 48;

/// Deepest tree that is evaluated; the evaluator takes some 40 KiB of stack for each level where it is not optimised.
const MAX_DEPTH: usize = 16;

/// Most nodes of a tree.
const MAX_NODES: usize = 4_000;

/// Most `+`, which is what makes texts and lists grow.
const MAX_PLUS: usize = 16;

/// Longest regular expression, in bytes.
const MAX_PATTERN: usize = 200;

/// Largest compiled regular expression, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Most repetitions that the counts (`{n,m}`) of a regular expression may multiply to.
const MAX_REPETITIONS: usize = 100;

/// Steps that a regular expression counts as, since it is built anew for each use.
const PATTERN_WORK: usize = 500;

/// Most steps that an evaluation may take.
const MAX_WORK: usize = 200_000;

/// Elements that a list or map of what is asked about may always have.
const USUAL_ELEMENTS: usize = 10;

/// Most labels of all images together, and most bytes in them.
const MAX_LABELS: (usize, usize) = (1_000, 256 * 1024);

/// What an expression may ask about an image. Labels that have not been read are the caller's to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageFacts {
    /// Labels of the image; of an index its annotations, then what all children agree on.
    pub labels: BTreeMap<String, String>,
    /// The digest, whole.
    pub digest: String,
    /// The repository it was imported from.
    pub repository: String,
    /// The tag it was imported by; empty where there was none.
    pub tag: String,
    /// Its version in words.
    pub version: String,
    /// Platforms of an index (`linux/amd64`); of a single image its own.
    pub platforms: Vec<String>,
}

/// What came of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The condition holds.
    True,
    /// It does not.
    False,
    /// It could not be answered; the reason in words, free of anything that does not print.
    Failed(String),
}

/// Whether an expression can be evaluated at all, on some facts.
///
/// # Errors
/// Why not, in words for its author.
pub fn check(source: &str) -> Result<(), String> {
    prepare(source).map(|_| ())
}

/// The same, and whether it can be true or false for images of these streams; of any, where they are not known.
///
/// # Errors
/// Why not, in words for its author.
pub fn check_in(source: &str, streams: Option<&[String]>) -> Result<(), String> {
    let (expression, shape) = prepare(source)?;
    Names::new(streams).check(&expression)?;
    ends(&expression, &shape)
}

/// Whether an expression comes to an end in time on what it usually meets.
fn ends(expression: &IdedExpr, shape: &Shape) -> Result<(), String> {
    let longest = USUAL_ELEMENTS
        .max(shape.elements)
        .saturating_mul(1 + shape.plus);
    match work(expression, longest) > MAX_WORK {
        false => Ok(()),
        true => Err(format!(
            "it would take too long where a list or map has {USUAL_ELEMENTS} elements: its loops run one inside of another"
        )),
    }
}

/// Evaluates an expression. `images["stream"]` has the fields `labels`, `digest`, `repository`, `tag`, `version` and
/// `platforms`; `image` is the same for the only stream where there is exactly one. Anything but true or false fails.
pub fn evaluate(source: &str, images: &BTreeMap<String, ImageFacts>) -> Outcome {
    let (expression, shape) = match prepare(source) {
        Ok(prepared) => prepared,
        Err(reason) => return Outcome::Failed(reason),
    };
    if let Err(reason) = check_facts(images, &expression, &shape) {
        return Outcome::Failed(reason);
    }
    let mut context = Context::default();
    let facts: HashMap<String, Value> = images
        .iter()
        .map(|(stream, facts)| (stream.clone(), value_of(facts)))
        .collect();
    if let (1, Some(only)) = (images.len(), images.values().next()) {
        context.add_variable_from_value("image", value_of(only));
    }
    context.add_variable_from_value("images", facts);
    given(&context, &expression, &shape)
}

/// What an expression comes to, given what its names stand for.
fn given(context: &Context<'_, '_>, expression: &IdedExpr, shape: &Shape) -> Outcome {
    // An evaluation that panics is a condition that cannot be answered, not the end of the pass.
    match catch_unwind(AssertUnwindSafe(|| context.resolve(expression))) {
        Ok(Ok(Value::Bool(true))) => Outcome::True,
        Ok(Ok(Value::Bool(false))) => Outcome::False,
        Ok(Ok(other)) => Outcome::Failed(format!(
            "the expression gives a value of type {} instead of true or false",
            other.type_of()
        )),
        Ok(Err(_)) if shape.loops > 0 => {
            // Which element fails first depends on the order of a map, so its own words cannot be repeated.
            Outcome::Failed("the expression fails for some element".to_owned())
        }
        Ok(Err(error)) => Outcome::Failed(in_our_words(&error)),
        Err(_) => Outcome::Failed("the expression cannot be evaluated".to_owned()),
    }
}

/// What of an expression decides how much work it can be.
#[derive(Debug, Default)]
struct Shape {
    plus: usize,
    loops: usize,
    elements: usize,
}

fn prepare(source: &str) -> Result<(IdedExpr, Shape), String> {
    if source.len() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    if source.matches('?').count() > MAX_CHOICES {
        return Err("the expression has too many `? :`".to_owned());
    }
    // This parser, unlike the crate's default one, bounds its own recursion and needs little stack.
    let parser = PrattParser::new()
        .max_recursion_depth(MAX_NESTING)
        .max_expression_node_count(MAX_NODES);
    let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(source)))
        .map_err(|_| "the expression cannot be read".to_owned())?;
    let expression = parsed.map_err(|errors| match errors.errors.first() {
        Some(error) => format!("the expression cannot be read: {}", cleaned(&error.msg)),
        None => "the expression cannot be read".to_owned(),
    })?;
    let shape = shape_of(&expression)?;
    if shape.plus > MAX_PLUS {
        return Err(format!("the expression has more than {MAX_PLUS} additions"));
    }
    Ok((expression, shape))
}

/// Walks the tree without recursing, for its depth is not known yet.
fn shape_of(root: &IdedExpr) -> Result<Shape, String> {
    let mut shape = Shape::default();
    let mut open = vec![(root, 1)];
    while let Some((expression, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return Err("the expression is nested too deep".to_owned());
        }
        match &expression.expr {
            Expr::Call(call) => {
                shape.plus += usize::from(call.func_name == "_+_");
                if call.func_name == "matches" {
                    check_pattern(call.args.last())?;
                }
            }
            Expr::Comprehension(loop_) => {
                shape.loops += 1;
                if matches!(loop_.accu_init.expr, Expr::List(_)) {
                    return Err(
                        "`map` and `filter` are not available; use `all`, `exists` or `exists_one`"
                            .to_owned(),
                    );
                }
            }
            Expr::List(list) => shape.elements += list.elements.len(),
            Expr::Map(map) => shape.elements += map.entries.len(),
            Expr::Struct(_) => return Err("the expression builds an unknown type".to_owned()),
            _ => {}
        }
        open.extend(children(expression).into_iter().map(|e| (e, depth + 1)));
    }
    Ok(shape)
}

fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect(),
        Expr::Comprehension(l) => vec![
            &l.iter_range,
            &l.accu_init,
            &l.loop_cond,
            &l.loop_step,
            &l.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        _ => Vec::new(),
    }
}

/// A regular expression is written out and small: what an image brings must never be compiled as one.
fn check_pattern(pattern: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|p| &p.expr) else {
        return Err("the pattern of `matches` must be written out as text".to_owned());
    };
    let pattern = pattern.inner();
    let repetitions = pattern
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .flat_map(|(counts, _)| counts.split(',').next_back())
        .filter_map(|count| count.trim().parse::<usize>().ok())
        .fold(1usize, |product, count| {
            product.saturating_mul(count.max(1))
        });
    if pattern.len() > MAX_PATTERN || repetitions > MAX_REPETITIONS {
        return Err("the pattern of `matches` is too large".to_owned());
    }
    match regex::RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .build()
    {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err("the pattern of `matches` is too large".to_owned())
        }
        Err(_) => Err(format!(
            "`{}` is no regular expression: write brackets and repetitions that match, or a `\\` before those meant as text",
            cleaned(pattern)
        )),
    }
}

fn check_facts(
    images: &BTreeMap<String, ImageFacts>,
    expression: &IdedExpr,
    shape: &Shape,
) -> Result<(), String> {
    let labels = || images.values().flat_map(|facts| &facts.labels);
    let bytes: usize = labels().map(|(key, value)| key.len() + value.len()).sum();
    let platforms: usize = images.values().map(|facts| facts.platforms.len()).sum();
    let count = labels().count().max(platforms).max(images.len());
    if count > MAX_LABELS.0 || bytes > MAX_LABELS.1 {
        return Err("the images have too many labels, or too large ones".to_owned());
    }
    let longest = count.max(shape.elements).saturating_mul(1 + shape.plus);
    if work(expression, longest) > MAX_WORK {
        return Err("the expression would take too long on these images".to_owned());
    }
    Ok(())
}

/// An upper bound of the steps of an evaluation in which no list or map holds more than `longest` elements.
fn work(expression: &IdedExpr, longest: usize) -> usize {
    let sum = |parts: &[&IdedExpr]| {
        parts
            .iter()
            .fold(1usize, |sum, part| sum.saturating_add(work(part, longest)))
    };
    match &expression.expr {
        Expr::Comprehension(l) => sum(&[&l.loop_cond, &l.loop_step])
            .saturating_mul(longest)
            .saturating_add(sum(&[&l.iter_range, &l.accu_init, &l.result])),
        Expr::Call(call) if call.func_name == "matches" => {
            sum(&children(expression)).saturating_add(PATTERN_WORK)
        }
        _ => sum(&children(expression)),
    }
}

fn value_of(facts: &ImageFacts) -> Value {
    let labels: HashMap<String, Value> = facts
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect();
    let fields: HashMap<String, Value> = [
        ("labels", Value::from(labels)),
        ("digest", Value::from(facts.digest.as_str())),
        ("repository", Value::from(facts.repository.as_str())),
        ("tag", Value::from(facts.tag.as_str())),
        ("version", Value::from(facts.version.as_str())),
        ("platforms", Value::from(facts.platforms.clone())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Value::from(fields)
}

/// Only what repeats: no values, since a map among them would be written in any order.
fn in_our_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{}`", cleaned(key)),
        ExecutionError::UndeclaredReference(name) => format!("`{}` is not known", cleaned(name)),
        ExecutionError::NoSuchOverload(overload) => cleaned(&overload.to_string()),
        ExecutionError::FunctionError { function, .. } => {
            format!("`{}` fails", cleaned(function))
        }
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments, not {actual}")
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("a {} stands where a {} should", cleaned(got), cleaned(want))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "something is divided by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no such element".to_owned(),
        _ => "two values do not fit together".to_owned(),
    }
}

/// A word of an expression or of an image, fit to be shown.
pub(super) fn cleaned(text: &str) -> String {
    let cut: String = text.chars().take(120).collect();
    let printable = |c: char| c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric();
    cut.chars()
        .map(|c| if printable(c) && c != '`' { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(labels: &[(&str, &str)]) -> ImageFacts {
        ImageFacts {
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            digest: "sha256:00".to_owned(),
            repository: "quay.io/acme/myapp".to_owned(),
            tag: "main".to_owned(),
            version: "1.2.3".to_owned(),
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
        }
    }

    fn on_one(source: &str) -> Outcome {
        let images = [(
            "myapp".to_owned(),
            facts(&[("tests", "passed"), ("evil", "`\u{1b}[31m@team")]),
        )];
        evaluate(source, &images.into())
    }

    #[test]
    fn a_condition_reads_labels_and_the_other_fields() {
        for yes in [
            r#"image.labels["tests"] == "passed""#,
            r#"images["myapp"].labels.tests == "passed""#,
            r#"has(image.labels.tests) && !("skip" in image.labels)"#,
            r#"image.platforms.exists(p, p == "linux/arm64")"#,
            r#"image.version.startsWith("1.") && image.tag == "main" && size(image.platforms) == 2"#,
            r#"image.repository.matches("^quay\\.io/acme/") && image.digest != """#,
            r#"image.labels.all(k, size(image.labels[k]) < 100)"#,
        ] {
            assert_eq!(on_one(yes), Outcome::True, "{yes}");
            assert_eq!(check(yes), Ok(()));
        }
        assert_eq!(
            on_one(r#"image.labels["tests"] == "failed""#),
            Outcome::False
        );
    }

    #[test]
    fn a_missing_key_an_error_and_anything_but_a_boolean_fail_with_the_reason() {
        let reason = |source: &str| match on_one(source) {
            Outcome::Failed(reason) => reason,
            other => panic!("{source}: {other:?}"),
        };
        assert_eq!(
            reason(r#"image.labels["nope"] == "x""#),
            "there is no `nope`"
        );
        assert_eq!(
            reason(r#"images["other"].tag == "x""#),
            "there is no `other`"
        );
        assert!(reason("nothing == 1").contains("`nothing`"));
        assert!(reason("image.tag").contains("instead of true or false"));
        assert!(reason("1 / 0 == 1").contains("divided by zero"));
        assert!(reason("image.tag == ").contains("cannot be read"));
        assert_eq!(
            reason(r#"image.labels[image.labels["evil"]] == """#),
            "there is no `??[31m@team`"
        );
    }

    #[test]
    fn a_single_image_has_a_short_name_and_a_bundle_has_not() {
        let bundle = BTreeMap::from([("a".to_owned(), facts(&[])), ("b".to_owned(), facts(&[]))]);
        assert_eq!(
            evaluate(r#"images["a"].tag == images["b"].tag"#, &bundle),
            Outcome::True
        );
        assert!(matches!(
            evaluate("image.tag == \"main\"", &bundle),
            Outcome::Failed(_)
        ));
    }

    #[test]
    fn hostile_expressions_are_refused_before_they_run() {
        let nest = |open: &str, close: &str, n: usize| {
            format!("{}1{} == 1", open.repeat(n), close.repeat(n))
        };
        let loops = "image.labels.all(a, image.labels.all(b, image.labels.all(c, image.labels.all(d, true))))";
        for bad in [
            nest("(", ")", 10_000),
            nest("[", "]", 500),
            nest("1+", "", 2_000),
            nest("size(", ")", 300),
            nest("1 < ", "", 900),
            "a.".repeat(2_000) + "b",
            "true ? 1 : ".repeat(300) + "1",
            "[1,1].map(x, [x,x]) == []".to_owned(),
            "[1].filter(x, true) == [1]".to_owned(),
            r#""x".matches(image.labels["tests"])"#.to_owned(),
            r#""x".matches("((a{50}){50}){50}")"#.to_owned(),
            format!(r#""x".matches("{}")"#, "a".repeat(300)),
            "Foo{a: 1} == 1".to_owned(),
            String::new(),
            "\0".to_owned(),
        ] {
            let found = check(&bad);
            assert!(found.is_err(), "{}", &bad[..bad.len().min(60)]);
            assert!(matches!(on_one(&bad), Outcome::Failed(_)));
        }
        let nested = (0..5).fold("image.digest != \"\"".to_owned(), |inner, n| {
            format!("image.labels.all(k{n}, {inner})")
        });
        let never = check_in(&nested, None).unwrap_err();
        assert!(
            never.contains("too long where a list or map has 10 elements"),
            "{never}"
        );
        assert_eq!(check_in(loops, None), Ok(()));
        let many: Vec<(String, String)> = (0..500)
            .map(|n| (format!("k{n}"), "v".to_owned()))
            .collect();
        let mut image = facts(&[]);
        image.labels = many.into_iter().collect();
        let images = BTreeMap::from([("myapp".to_owned(), image)]);
        assert!(matches!(evaluate(loops, &images), Outcome::Failed(r) if r.contains("too long")));
        assert_eq!(
            evaluate("image.labels.all(k, image.labels[k] == \"v\")", &images),
            Outcome::True
        );
        let long = format!("[{}].all(x, x == 1)", vec!["1"; 1_900].join(","));
        assert_eq!(evaluate(&long, &images), Outcome::True);
    }

    #[test]
    fn the_largest_expressions_that_are_allowed_fit_on_a_small_stack() {
        let run = || {
            for source in [
                format!("{}1{} == 1", "(".repeat(2_000), ")".repeat(2_000)),
                "!".repeat(4_000) + "true",
                "- ".repeat(2_000) + "1 == 1",
                format!("{}1{}", "size([".repeat(7), "])".repeat(7)),
                "[[1]].all(a, a.all(b, [b].all(c, c + b + c + b + c == 5)))".to_owned(),
                format!("{} == [1]", "[".repeat(40) + "1" + &"]".repeat(40)),
                "1 == 1 && ".repeat(400) + "true",
                "true || ".repeat(500) + "true",
                "true ? true : ".repeat(60) + "true",
                "1+".repeat(2_000) + "1 == 1",
                "1<".repeat(2_000) + "1",
                "a.".repeat(2_000) + "b",
                "1*".repeat(2_000) + "1 == 1",
                "a in ".repeat(800) + "b",
            ] {
                let _ = on_one(&source);
            }
        };
        let thread = std::thread::Builder::new()
            .stack_size(1024 * 1024)
            .spawn(run);
        thread.unwrap().join().unwrap();
    }

    proptest! {
        #![proptest_config(crate::model::testing::cases(64))]

        #[test]
        fn no_expression_breaks_the_evaluation(source in r#"(image|images|\.labels|\["a"\]|==|&&|\|\||[()\[\]{}!?:<>+*/%,.-]| |1|"x"|true|in|\.all\(x,|has\(|\\|'|\PC){0,25}"#) {
            let first = on_one(&source);
            prop_assert_eq!(first, on_one(&source));
        }
    }
}
