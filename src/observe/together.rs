//! Questions that one answer serves: namespaces for which an operator granted nothing of their own are one and the same to a
//! registry, so what many of them watch is asked for once.

use std::collections::BTreeMap;

use super::answers::{Ask, One};
use crate::model::Namespace;
use crate::registry::{Audience, Client};

/// A question that is asked, and the other namespaces that its answer serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Together {
    pub(super) asked: Ask,
    served: Vec<Namespace>,
}

impl From<Ask> for Together {
    fn from(asked: Ask) -> Self {
        let served = Vec::new();
        Self { asked, served }
    }
}

impl Together {
    /// Every question with its answer.
    pub(super) fn answered(self, one: One) -> Vec<(Ask, One)> {
        let served = self.served.iter();
        let mut all: Vec<(Ask, One)> = served
            .map(|namespace| (self.asked.by(namespace), one.told(namespace)))
            .collect();
        all.push((self.asked, one));
        all
    }
}

/// Questions in their order, each served by the first one that asks the same as the same.
pub(super) fn together(questions: Vec<Ask>, client: &Client) -> Vec<Together> {
    let Some(anybody) = questions.first().map(|ask| ask.namespace().clone()) else {
        return Vec::new();
    };
    let mut first: BTreeMap<(Ask, Audience), usize> = BTreeMap::new();
    let mut all: Vec<Together> = Vec::new();
    for ask in questions {
        let audience = client.audience(ask.repository(), ask.namespace());
        let same = (ask.by(&anybody), audience);
        let at = *first.entry(same).or_insert(all.len());
        match all.get_mut(at) {
            Some(together) => together.served.push(ask.namespace().clone()),
            None => all.push(ask.into()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::registry::RegistrySettings;
    use crate::plan::question::Resolve;

    fn ask(namespace: &str, reference: &str) -> Ask {
        Ask::Resolve(Resolve {
            namespace: namespace.parse().unwrap(),
            reference: reference.parse().unwrap(),
            insecure: false,
        })
    }

    #[test]
    fn namespaces_ask_together_unless_one_of_them_is_granted_something_of_its_own() {
        let settings: RegistrySettings = serde_yaml::from_str(
            "credentials: [{host: quay.io, prefix: acme, namespaces: [shop], username: a, password: b}]",
        )
        .unwrap();
        let client = Client::new(&settings);
        let questions = ["web", "shop", "mail"]
            .iter()
            .flat_map(|namespace| {
                let tags = ["quay.io/acme/app:1", "quay.io/base/ubi:9"];
                tags.map(|tag| ask(namespace, tag))
            })
            .collect();
        let grouped = together(questions, &client);
        let shown: Vec<(String, Vec<&str>)> = grouped
            .iter()
            .map(|one| {
                let asked = format!("{} of {}", one.asked.repository(), one.asked.namespace());
                (asked, one.served.iter().map(Namespace::as_str).collect())
            })
            .collect();
        let expected = [
            ("quay.io/acme/app of web", vec!["mail"]),
            ("quay.io/base/ubi of web", vec!["shop", "mail"]),
            ("quay.io/acme/app of shop", vec![]),
        ];
        assert_eq!(
            shown,
            expected.map(|(asked, served)| (asked.to_owned(), served))
        );
    }
}
