//! `drift`

use super::samples::*;
use crate::cli::view::View;
use crate::cli::view::drift::DriftView;
use crate::plan::compare::{Pair, Standing};

fn pair(
    name: &str,
    left: Option<(&str, &str)>,
    right: Option<(&str, &str)>,
    standing: Standing,
) -> Pair {
    let set = |held: Option<(&str, &str)>| held.map(|(version, age)| current(name, version, age));
    Pair {
        pipeline: name.parse().unwrap(),
        stages: ["qa".parse().unwrap(), "prod".parse().unwrap()],
        left: set(left),
        right: set(right),
        standing,
    }
}

fn pairs() -> Vec<Pair> {
    let (new, old) = (Some(("1.42.7", "6h")), Some(("1.42.3", "11d")));
    vec![
        pair("cart", old, old, Standing::Same),
        pair("orders", new, old, Standing::Behind { sets: 2 }),
        pair("search", new, None, Standing::Lacks),
        pair("shop", old, new, Standing::Apart),
    ]
}

fn view(pairs: &[Pair], all: bool) -> DriftView<'_> {
    DriftView {
        left: "qa",
        right: "prod",
        pairs,
        all,
    }
}

#[test]
fn what_differs_is_shown_and_what_is_the_same_is_counted() {
    let pairs = pairs();
    let text = shown(&view(&pairs, false), &frame(None));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (line, words) in lines.iter().zip([
        vec!["PIPELINE", "QA", "PROD", "DRIFT"],
        vec![
            "orders",
            "1.42.7",
            "6h",
            "1.42.3",
            "11d",
            "prod is 2 sets behind",
        ],
        vec!["search", "1.42.7", "prod holds nothing yet"],
        vec!["shop", "prod holds what qa never had"],
        vec!["1 pipeline with the same in both: --all"],
    ]) {
        for word in words {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
    let all = shown(&view(&pairs, true), &frame(None));
    assert!(all.lines().last().unwrap().starts_with("cart"), "{all}");
    assert_eq!(view(&pairs, false).names(), ["orders", "search", "shop"]);
    let data = round_trip(&view(&pairs, false).data());
    assert_eq!(data["pipelines"].as_array().unwrap().len(), 4);
    assert_eq!(data["pipelines"][1]["standing"]["is"], "behind");
}

#[test]
fn where_nothing_differs_or_nothing_has_both_one_line_says_so() {
    let same = &pairs()[..1];
    let text = shown(&view(same, false), &frame(None));
    assert_eq!(text.trim_end(), "1 pipeline with the same in both: --all");
    let none = shown(&view(&[], false), &frame(None));
    assert_eq!(none.trim_end(), "no pipeline has both qa and prod");
}
