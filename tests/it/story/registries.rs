//! A registry with a certificate of the house and passwords: the operator's settings open it, and only with both of them.

use super::*;
use crate::support::docker_registry::Identity;

/// The registry's password.
const PASSWORD: &str = "canary-8d20aa61";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_over_tls_takes_the_house_authority_and_the_password() {
    let login = Some(("robot", PASSWORD));
    if !have(&["git"]) {
        return;
    }
    let Some(registry) = DockerRegistry::start_as(Identity::Issued, login) else {
        return;
    };
    let real = Real::with(registry).await;
    let base = real.base();
    let build = real.build("1.2.0", "passed");
    let host = real.registry.host().to_owned();
    let open = |ca: bool, password: &str| {
        let mut entry = json!({"host": "registry.example", "mirror": format!("https://{host}")});
        if ca {
            entry["caFile"] = json!(real.registry.ca_file());
        }
        let credential = json!([{"host": host, "username": "robot", "password": password}]);
        real.settings("settings.yaml", json!([entry]), credential);
    };
    let before = base.refs();
    for (ca, password, words) in [
        (false, PASSWORD, "certificate"),
        (true, "canary-wrong", "registry.example/acme/myapp:main"),
    ] {
        open(ca, password);
        let said = real.run(&["run"]);
        assert!(said.code == 4 || said.code == 75, "{said:#?}");
        assert!(
            said.stdout.contains(words) || said.stderr.contains(words),
            "{said:#?}"
        );
        assert_eq!(base.refs(), before, "a failed answer changes nothing");
        std::fs::remove_dir_all(real.machine.folder().join("cache")).unwrap();
    }
    open(true, PASSWORD);
    real.run(&["run"]).ends(0, &["pushed"]);
    assert!(deploys(&base, "qa", &build));
    assert_eq!(
        head_of(&base, "main", "latest-dev").as_deref(),
        Some(build.as_str())
    );
    let said = real.said.borrow();
    assert!(!said.contains(PASSWORD) && !said.contains("canary-wrong") && !said.contains(CANARY));
}
