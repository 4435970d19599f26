//! Conditions in CEL over an HTTP answer: `status`, `headers`, `body` and `json`, beside words that name the set. Bounded by
//! counts as others are, and by the bytes that the answer brings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cel::common::ast::Expr;
use cel::{Context, IdedExpr, Value};
use serde_json::Value as Json;

use super::{
    MAX_WORK, Outcome, PATTERN_WORK, Shape, children, ends, given, prepare, typed::Names, work,
};
use crate::model::address::Word;

/// Most values of a JSON body, and most elements of a list or a map in it.
const MAX_VALUES: usize = 50_000;

/// Most steps, each weighed by the KiB that it may have to go through.
const MAX_BYTES_WORK: usize = 5_000_000;

/// What an expression may ask about an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerFacts<'a> {
    /// The status.
    pub status: u16,
    /// Headers by name in lower case, as far as the expression reads them.
    pub headers: BTreeMap<String, String>,
    /// The body, where the expression reads it.
    pub body: &'a str,
    /// What words stand for, where the expression reads them.
    pub words: BTreeMap<Word, String>,
}

/// What an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Headers of the answer.
    pub headers: bool,
    /// The body, as text or as JSON.
    pub body: bool,
    /// Words that name the set or its place.
    pub words: BTreeSet<Word>,
    json: bool,
}

/// What an expression reads of an answer, if it can be true or false of one at all.
///
/// # Errors
/// Why not, in words for its author.
pub fn check(source: &str) -> Result<Reads, String> {
    let (expression, shape) = prepare(source)?;
    Names::of_answer().check(&expression)?;
    ends(&expression, &shape)?;
    Ok(reads(&expression))
}

/// Evaluates an expression on an answer. Anything but true or false fails, a body that is no JSON where `json` is read, too.
pub fn evaluate(source: &str, facts: &AnswerFacts<'_>) -> Outcome {
    match prepared(source, facts) {
        Ok((expression, context, shape)) => given(&context, &expression, &shape),
        Err(reason) => Outcome::Failed(reason),
    }
}

fn prepared<'a>(
    source: &str,
    facts: &AnswerFacts<'_>,
) -> Result<(IdedExpr, Context<'a, 'a>, Shape), String> {
    let (expression, shape) = prepare(source)?;
    Names::of_answer().check(&expression)?;
    let reads = reads(&expression);
    let json = match reads.json {
        true => Some(read(facts.body)?),
        false => None,
    };
    let (values, widest) = json.as_ref().map_or((0, 0), extent);
    if values > MAX_VALUES {
        return Err(format!("the answer holds more than {MAX_VALUES} values"));
    }
    let longest = widest.max(facts.headers.len()).max(shape.elements);
    let longest = longest.saturating_mul(1 + shape.plus);
    let kib = 1 + facts.body.len() / 1024;
    if work(&expression, longest) > MAX_WORK || heavy(&expression, longest, kib) > MAX_BYTES_WORK {
        return Err("the expression would take too long on this answer".to_owned());
    }
    let mut context = Context::default();
    context.add_variable_from_value("status", i64::from(facts.status));
    if reads.headers {
        let headers: HashMap<String, Value> = facts
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        context.add_variable_from_value("headers", headers);
    }
    context.add_variable_from_value("body", facts.body);
    if let Some(json) = json {
        context.add_variable_from_value("json", value_of(json));
    }
    for (word, value) in &facts.words {
        context.add_variable_from_value(word.as_str(), value.as_str());
    }
    Ok((expression, context, shape))
}

/// JSON no deeper than its reader allows.
fn read(body: &str) -> Result<Json, String> {
    serde_json::from_str(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Eof => format!("the body is no JSON: it ends at {place}"),
            _ => format!("the body is no JSON: {place}"),
        }
    })
}

/// How many values there are, and how many the widest list or map has.
fn extent(root: &Json) -> (usize, usize) {
    let (mut values, mut widest) = (0, 0);
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        values += 1;
        let before = open.len();
        match value {
            Json::Array(items) => open.extend(items),
            Json::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
        widest = widest.max(open.len() - before);
    }
    (values, widest)
}

fn reads(root: &IdedExpr) -> Reads {
    let mut reads = Reads::default();
    let mut open = vec![root];
    while let Some(expression) = open.pop() {
        if let Expr::Ident(name) = &expression.expr {
            match name.as_str() {
                "headers" => reads.headers = true,
                "body" => reads.body = true,
                "json" => {
                    reads.body = true;
                    reads.json = true;
                }
                other => {
                    let words = Word::ALL.into_iter();
                    reads
                        .words
                        .extend(words.filter(|word| word.as_str() == other));
                }
            }
        }
        open.extend(children(expression));
    }
    reads
}

/// An upper bound of the KiB that calls go through, since each of them may read or copy as much as the body has.
fn heavy(expression: &IdedExpr, longest: usize, kib: usize) -> usize {
    let sum = |parts: &[&IdedExpr]| {
        parts.iter().fold(0usize, |sum, part| {
            sum.saturating_add(heavy(part, longest, kib))
        })
    };
    match &expression.expr {
        Expr::Comprehension(l) => sum(&[&l.loop_cond, &l.loop_step])
            .saturating_mul(longest)
            .saturating_add(sum(&[&l.iter_range, &l.accu_init, &l.result])),
        Expr::Call(call) => {
            let own = match call.func_name.as_str() {
                "_&&_" | "_||_" | "!_" | "_?_:_" | "@not_strictly_false" => 0,
                "matches" => PATTERN_WORK.saturating_add(kib.saturating_mul(20)),
                _ => kib,
            };
            sum(&children(expression)).saturating_add(own)
        }
        _ => sum(&children(expression)),
    }
}

fn value_of(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::from(truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(number)) => Value::Float(number),
            (None, None) => Value::Null,
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::from(items.into_iter().map(value_of).collect::<Vec<_>>()),
        Json::Object(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (name, value_of(value)));
            Value::from(fields.collect::<HashMap<String, Value>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(source: &str, status: u16, body: &str) -> Outcome {
        let facts = AnswerFacts {
            status,
            headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
            body,
            words: [(Word::Digest, "sha256:00".to_owned())].into(),
        };
        evaluate(source, &facts)
    }

    fn reason(source: &str, body: &str) -> String {
        match on(source, 200, body) {
            Outcome::Failed(reason) => reason,
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn a_condition_reads_the_parts_of_an_answer() {
        let body = r#"{"state": "passed", "failed": 0, "rate": 0.25, "whole": 2, "runs": [{"ok": true}, {"ok": true}], "digest": "sha256:00", "none": null}"#;
        for yes in [
            "status == 200",
            "status < 300 && body.contains('passed')",
            r#"headers["content-type"].startsWith("application/json")"#,
            r#"json.state == "passed" && json.failed == 0"#,
            "json.rate < 0.5 && json.whole < 2.5 && json.failed < 0.1",
            "json.runs.all(r, r.ok) && size(json.runs) == 2",
            "json.digest == digest",
            "has(json.state) && !has(json.nothing) && json.none == null",
            "json.runs[0].ok",
        ] {
            assert_eq!(on(yes, 200, body), Outcome::True, "{yes}");
            assert!(check(yes).is_ok(), "{yes}");
        }
        assert_eq!(on("status == 200", 302, ""), Outcome::False);
        assert_eq!(on(r#"json.state == "failed""#, 200, body), Outcome::False);
    }

    #[test]
    fn what_cannot_be_answered_says_why() {
        assert_eq!(reason("json.ok", "{}"), "there is no `ok`");
        assert!(reason("json.ok", "<html>").contains("the body is no JSON: line 1"));
        assert!(reason("json.ok", "").contains("it ends at"));
        assert!(reason("json.ok", r#"{"ok": "yes"}"#).contains("instead of true or false"));
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(reason("json == 1", &deep).contains("no JSON"));
        let wide = format!("[{}1]", "1,".repeat(60_000));
        assert!(reason("json[0] == 1", &wide).contains("more than 50000 values"));
    }

    #[test]
    fn work_is_bounded_by_what_an_answer_brings() {
        let items = r#"{"ok": true},"#.repeat(9_000);
        let wide = format!(r#"[{items} {{"ok": true}}]"#);
        assert_eq!(on("json.all(i, i.ok)", 200, &wide), Outcome::True);
        for slow in [
            "json.all(i, json.all(j, i == j))",
            "json.all(i, body.contains('x') || body.contains('y'))",
            "json.all(i, body.matches('a.*b'))",
        ] {
            let long = format!("{wide}{}", " ".repeat(900_000));
            assert!(
                reason(slow, &long).contains("too long on this answer"),
                "{slow}"
            );
        }
    }

    #[test]
    fn names_that_no_answer_has_are_told_before() {
        for (source, words) in [
            ("statuss == 200", "did you mean `status`?"),
            ("status", "it gives a number"),
            ("body", "it gives a text"),
            (r#"image.labels["x"] == "y""#, "`image` is not known"),
            ("status ==", "cannot be read"),
            ("headers.etag", "it gives a text"),
        ] {
            let found = check(source).unwrap_err();
            assert!(found.contains(words), "{source}: {found}");
        }
        let reads = check("json.version == version && status == 200").unwrap();
        assert!(reads.body && !reads.headers);
        assert_eq!(reads.words, [Word::Version].into());
        assert!(!check("status == 200").unwrap().body);
    }
}
