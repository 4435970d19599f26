//! What an expression can come to, read off its text: names and fields that no image has, and results that are neither true nor
//! false, are told before a set waits for them. What cannot be told from the text passes here and is answered by the facts.

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::{IdedExpr, common::ast::CallExpr};

use crate::manifests::suggest::did_you_mean;
use crate::model::address::Word;

/// The fields of an image.
const FIELDS: [&str; 6] = [
    "labels",
    "digest",
    "repository",
    "tag",
    "version",
    "platforms",
];

/// What an expression gives, as far as its text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Truth,
    Text,
    Number,
    List,
    Labels,
    Image,
    Images,
    /// Anything: only the facts tell.
    Any,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Truth => "true or false",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::List => "a list",
            Self::Labels => "a map of texts",
            Self::Image => "an image",
            Self::Images => "a map of images",
            Self::Any => "something",
        }
    }
}

/// What is named where an expression stands.
pub(super) struct Names<'a> {
    about: About<'a>,
    bound: Vec<&'a str>,
}

#[derive(Clone, Copy)]
enum About<'a> {
    /// Images of these streams, where they are known.
    Images(Option<&'a [String]>),
    /// An HTTP answer.
    Answer,
}

impl<'a> Names<'a> {
    pub(super) const fn new(streams: Option<&'a [String]>) -> Self {
        Self {
            about: About::Images(streams),
            bound: Vec::new(),
        }
    }

    pub(super) const fn of_answer() -> Self {
        Self {
            about: About::Answer,
            bound: Vec::new(),
        }
    }

    /// Checks that an expression can be true or false.
    ///
    /// # Errors
    /// Why not, in words for its author.
    pub(super) fn check(&mut self, expression: &'a IdedExpr) -> Result<(), String> {
        match self.kind(expression)? {
            Kind::Truth | Kind::Any => Ok(()),
            other => Err(format!(
                "it gives {}, not true or false: compare it with something (`... == \"x\"`)",
                other.word()
            )),
        }
    }

    fn kind(&mut self, expression: &'a IdedExpr) -> Result<Kind, String> {
        match &expression.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => self.named(name),
            Expr::Select(select) => {
                let operand = self.kind(&select.operand)?;
                let field = self.field(operand, &select.field)?;
                Ok(if select.test { Kind::Truth } else { field })
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(each) => {
                self.kind(&each.iter_range)?;
                let init = self.kind(&each.accu_init)?;
                let before = self.bound.len();
                self.bound.extend([each.iter_var.as_str(), &each.accu_var]);
                self.bound.extend(each.iter_var2.as_deref());
                for part in [&each.loop_cond, &each.loop_step, &each.result] {
                    self.kind(part)?;
                }
                self.bound.truncate(before);
                // `all` and `exists` begin with a truth, `exists_one` with a count that is compared at the end.
                Ok(match init {
                    Kind::Truth => Kind::Truth,
                    _ => Kind::Any,
                })
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(element)?;
                }
                Ok(Kind::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.kind(&entry.key)?;
                        self.kind(&entry.value)?;
                    }
                }
                Ok(Kind::Any)
            }
            Expr::Struct(_) | Expr::Unspecified => Ok(Kind::Any),
        }
    }

    fn named(&self, name: &str) -> Result<Kind, String> {
        let streams = match self.about {
            _ if self.bound.contains(&name) => return Ok(Kind::Any),
            About::Answer => return of_answer(name),
            About::Images(streams) => streams,
        };
        match name {
            "images" => Ok(Kind::Images),
            "image" => match streams {
                Some([first, _, ..]) => Err(format!(
                    "`image` stands for the only image, and here are several: write images[\"{first}\"]"
                )),
                _ => Ok(Kind::Image),
            },
            _ => Err(format!(
                "`{}` is not known: {}",
                super::cel::cleaned(name),
                did_you_mean(name, ["image", "images"])
            )),
        }
    }

    /// A field, or an entry by a name that is written out.
    fn field(&self, of: Kind, name: &str) -> Result<Kind, String> {
        let shown = super::cel::cleaned(name);
        match of {
            Kind::Image => match name {
                "labels" => Ok(Kind::Labels),
                "platforms" => Ok(Kind::List),
                _ if FIELDS.contains(&name) => Ok(Kind::Text),
                _ => Err(format!(
                    "an image has no `{shown}`: {}",
                    did_you_mean(name, FIELDS)
                )),
            },
            Kind::Images => match self.about {
                About::Images(Some(streams)) if !streams.iter().any(|stream| stream == name) => {
                    Err(format!(
                        "this pipeline has no stream `{shown}`: {}",
                        did_you_mean(name, streams.iter().map(String::as_str))
                    ))
                }
                _ => Ok(Kind::Image),
            },
            Kind::Labels => Ok(Kind::Text),
            Kind::Any => Ok(Kind::Any),
            Kind::Truth | Kind::Text | Kind::Number | Kind::List => {
                Err(format!("{} has no field `{shown}`", of.word()))
            }
        }
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<Kind, String> {
        let mut kinds = Vec::new();
        for part in call.target.as_deref().into_iter().chain(&call.args) {
            kinds.push(self.kind(part)?);
        }
        match (call.func_name.as_str(), kinds.as_slice()) {
            ("_&&_" | "_||_" | "!_", of) => {
                let no = |kind: &&Kind| !matches!(**kind, Kind::Truth | Kind::Any);
                match of.iter().find(no) {
                    Some(kind) => Err(format!(
                        "{} stands where true or false should: compare it with something",
                        kind.word()
                    )),
                    None => Ok(Kind::Truth),
                }
            }
            (
                "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" | "@in" | "startsWith"
                | "endsWith" | "contains" | "matches",
                _,
            ) => Ok(Kind::Truth),
            ("_?_:_", [_, yes, no]) if yes == no => Ok(*yes),
            ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [one, other]) if one == other => Ok(*one),
            ("size" | "-_", _) => Ok(Kind::Number),
            ("string", _) => Ok(Kind::Text),
            ("_[_]", [Kind::List, _]) => Ok(Kind::Any),
            ("_[_]", [of, _]) => match call.args.last().map(|index| &index.expr) {
                Some(Expr::Literal(LiteralValue::String(name))) => self.field(*of, name.inner()),
                _ => Ok(match of {
                    Kind::Images => Kind::Image,
                    Kind::Labels => Kind::Text,
                    _ => Kind::Any,
                }),
            },
            (name, _) if is_named(name) && !FUNCTIONS.contains(&name) => Err(format!(
                "there is no function `{}`: {}",
                super::cel::cleaned(name),
                did_you_mean(name, FUNCTIONS)
            )),
            _ => Ok(Kind::Any),
        }
    }
}

/// Functions of CEL that are there, and those that its macros leave behind.
const FUNCTIONS: [&str; 14] = [
    "bytes",
    "contains",
    "double",
    "endsWith",
    "has",
    "int",
    "matches",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// Whether a function is called by a name rather than by a sign.
fn is_named(function: &str) -> bool {
    function.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Names about an HTTP answer.
fn of_answer(name: &str) -> Result<Kind, String> {
    let words = Word::ALL.map(Word::as_str);
    match name {
        "status" => Ok(Kind::Number),
        "headers" => Ok(Kind::Labels),
        "body" => Ok(Kind::Text),
        "json" => Ok(Kind::Any),
        _ if words.contains(&name) => Ok(Kind::Text),
        _ => Err(format!(
            "`{}` is not known: {}",
            super::cel::cleaned(name),
            did_you_mean(
                name,
                ["status", "headers", "body", "json"]
                    .into_iter()
                    .chain(words)
            )
        )),
    }
}

const fn of_literal(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Truth,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Kind::Number,
        LiteralValue::Bytes(_) | LiteralValue::Null => Kind::Any,
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::gate::cel::check_in;

    fn of_one(source: &str) -> Result<(), String> {
        check_in(source, Some(&["app".to_owned()]))
    }

    #[test]
    fn what_no_image_can_make_true_or_false_is_told_with_what_was_meant() {
        for (source, said) in [
            (
                r#"imag.tag == "a""#,
                "`imag` is not known: did you mean `image`?",
            ),
            (
                r#"image.lables["a"] == "b""#,
                "an image has no `lables`: did you mean `labels`?",
            ),
            (
                r#"image["tga"] == "b""#,
                "an image has no `tga`: did you mean `tag`?",
            ),
            (r#"has(image.size)"#, "an image has no `size`"),
            (
                r#"images["ap"].tag == "b""#,
                "this pipeline has no stream `ap`: did you mean `app`?",
            ),
            (
                r#"images.ap.tag == "b""#,
                "this pipeline has no stream `ap`",
            ),
            (
                r#"image.tag.startswith("b")"#,
                "there is no function `startswith`: did you mean `startsWith`?",
            ),
            (r#"image.tag.matches("(")"#, "`(` is no regular expression"),
            (
                r#"image.digest.short == "b""#,
                "a text has no field `short`",
            ),
            (
                r#"image.labels["tests"]"#,
                "it gives a text, not true or false",
            ),
            ("1 + 1", "it gives a number"),
            ("image", "it gives an image"),
            ("image.platforms", "it gives a list"),
            (
                r#"image.labels["a"] && true"#,
                "a text stands where true or false should",
            ),
            (r#"image.platforms.all(p, q == p)"#, "`q` is not known"),
            (r#"true ? "a" : "b""#, "it gives a text"),
        ] {
            let found = of_one(source).unwrap_err();
            assert!(found.contains(said), "{source}: {found}");
        }
        let two = ["a".to_owned(), "b".to_owned()];
        let found = check_in("image.tag == \"x\"", Some(&two)).unwrap_err();
        assert!(found.contains("write images[\"a\"]"), "{found}");
    }

    #[test]
    fn what_facts_may_answer_passes() {
        for source in [
            r#"image.labels["tests"] == "passed""#,
            r#"images["app"].labels.tests == "passed""#,
            r#"has(image.labels.tests) && !("skip" in image.labels)"#,
            r#"image.platforms.exists_one(p, p.startsWith("linux/") && p == "linux/arm64")"#,
            r#"image.labels.all(k, size(image.labels[k]) < 100)"#,
            r#"image.labels[image.tag] == "x" ? true : image.version.matches("^1")"#,
            r#"int(image.labels["build"]) > 4 && image.tag + "x" != "y""#,
            r#"image.platforms[0] == "linux/amd64""#,
            "[1, 2].exists(x, x == 1)",
        ] {
            assert_eq!(of_one(source), Ok(()), "{source}");
            assert_eq!(check_in(source, None), Ok(()), "{source}");
        }
    }
}
