//! What a plain scalar means: the core schema of YAML 1.2, which is also JSON's.

/// A plain scalar with its meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// A whole number that fits 64 bits only without a sign.
    Unsigned(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

/// Reads a plain scalar.
pub(crate) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    // Most scalars are words; only what can begin a number is looked at more closely.
    if !matches!(text.as_bytes()[0], b'0'..=b'9' | b'+' | b'-' | b'.') {
        return Scalar::Text;
    }
    number(text).unwrap_or(Scalar::Text)
}

fn number(text: &str) -> Option<Scalar> {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && !digits.starts_with(['+', '-'])
        {
            return i64::from_str_radix(digits, radix).ok().map(Scalar::Integer);
        }
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() {
        // Digits behind a leading nought (`012`) are text to libyaml's continuation, and nobody means a number by them.
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        return text
            .parse()
            .map(Scalar::Integer)
            .or_else(|_| text.parse().map(Scalar::Unsigned))
            .or_else(|_| text.parse().map(Scalar::Float))
            .ok();
    }
    let float_like = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && digits.bytes().any(|b| b.is_ascii_digit())
        && !digits.starts_with(['e', 'E']);
    if float_like {
        text.parse().ok().map(Scalar::Float)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        for (text, meaning) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("true", Scalar::Bool(true)),
            ("yes", Scalar::Text),
            ("25", Scalar::Integer(25)),
            ("-3", Scalar::Integer(-3)),
            ("25.0", Scalar::Float(25.0)),
            ("1e3", Scalar::Float(1000.0)),
            ("0x10", Scalar::Integer(16)),
            ("012", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("2024-01-01", Scalar::Text),
            ("-", Scalar::Text),
            (".", Scalar::Text),
            ("v1", Scalar::Text),
            ("18446744073709551615", Scalar::Unsigned(u64::MAX)),
        ] {
            assert_eq!(resolve(text), meaning, "{text:?}");
        }
    }

    #[test]
    fn the_second_parser_agrees_on_every_kind_of_scalar() {
        for text in [
            "~",
            "null",
            "Null",
            "true",
            "False",
            "yes",
            "on",
            "25",
            "-3",
            "+4",
            "25.0",
            "1e3",
            "1.5e-3",
            ".5",
            "5.",
            "0x1F",
            "0o17",
            "0b11",
            "012",
            "-012",
            "00",
            "0",
            "-0",
            "1_000",
            "1.2.3",
            "2024-01-01",
            "12:30",
            "-",
            ".",
            "+",
            "v1",
            "18446744073709551615",
            ".inf",
            "-.INF",
            "e3",
            "1e",
            "0x",
            "--1",
            "1-2",
        ] {
            let other: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
            let same = match resolve(text) {
                Scalar::Null => other.is_null(),
                Scalar::Bool(b) => other.as_bool() == Some(b),
                Scalar::Integer(i) => other.as_i64() == Some(i),
                Scalar::Unsigned(u) => other.as_u64() == Some(u),
                Scalar::Float(f) => other.is_number() && other.as_f64() == Some(f),
                Scalar::Text => other.is_string() || other.is_sequence(),
            };
            assert!(same, "{text:?} is {other:?}, here {:?}", resolve(text));
        }
    }
}
