//! A real Git server over smart HTTP (`git http-backend` behind axum) and a hermetic `git` to prepare and judge
//! repositories with. Faults are staged by hand: a moved ref between advertisement and update, a lost answer.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

use super::tls::{Identity, TlsListener};

type Hook = Box<dyn FnOnce() + Send>;
type Judge = Box<dyn FnMut(bool) -> Fate + Send>;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is carried out and answered.
    Served,
    /// It is not carried out: 503.
    Unavailable,
    /// The connection breaks before anything is done.
    CutBefore,
    /// It is carried out, but the connection breaks before the answer.
    CutAfter,
}

/// The server; it stops when dropped.
pub(crate) struct GitHttp {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    root: PathBuf,
    login: Option<(String, String)>,
    between: Mutex<Option<Hook>>,
    cut: Mutex<bool>,
    judge: Mutex<Option<Judge>>,
    redirect: Mutex<Option<String>>,
    requests: AtomicUsize,
    authorized: AtomicUsize,
}

impl GitHttp {
    /// Serves every bare repository below `root`; with a login, to nobody else.
    pub(crate) async fn serve(root: &Path, login: Option<(&str, &str)>) -> Self {
        Self::start(root, login, None).await
    }

    /// The same over TLS, with this certificate.
    pub(crate) async fn serve_tls(
        root: &Path,
        login: Option<(&str, &str)>,
        identity: &Identity,
    ) -> Self {
        Self::start(root, login, Some(identity)).await
    }

    async fn start(root: &Path, login: Option<(&str, &str)>, identity: Option<&Identity>) -> Self {
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
            between: Mutex::default(),
            cut: Mutex::default(),
            judge: Mutex::default(),
            redirect: Mutex::default(),
            requests: AtomicUsize::new(0),
            authorized: AtomicUsize::new(0),
        });
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = match identity {
            None => tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
            Some(identity) => {
                let listener = TlsListener::new(listener, identity);
                tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
            }
        };
        Self {
            scheme: if identity.is_some() { "https" } else { "http" },
            address,
            shared,
            task,
        }
    }

    /// The address of a repository.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.origin())
    }

    /// The address of a repository with a login in it.
    pub(crate) fn url_with_login(&self, login: &str, name: &str) -> String {
        format!("{}://{login}@{}/{name}", self.scheme, self.address)
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Called once, when the next push has seen the refs and its update has not been looked at yet.
    pub(crate) fn between(&self, hook: impl FnOnce() + Send + 'static) {
        *self.shared.between.lock().unwrap() = Some(Box::new(hook));
    }

    /// The next push is carried out, but the connection breaks before its answer.
    pub(crate) fn cut_next_answer(&self) {
        *self.shared.cut.lock().unwrap() = true;
    }

    /// From now on every request has the fate that `judge` says; it is told whether the request is a push.
    pub(crate) fn judged_by(&self, judge: impl FnMut(bool) -> Fate + Send + 'static) {
        *self.shared.judge.lock().unwrap() = Some(Box::new(judge));
    }

    /// Answers everything with a redirect to this origin.
    pub(crate) fn redirect_to(&self, origin: &str) {
        *self.shared.redirect.lock().unwrap() = Some(origin.to_owned());
    }

    /// How many requests have been made so far.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// How many of them carried an `Authorization` header.
    pub(crate) fn authorized_requests(&self) -> usize {
        self.shared.authorized.load(Ordering::SeqCst)
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    if request.headers().contains_key("authorization") {
        shared.authorized.fetch_add(1, Ordering::SeqCst);
    }
    if let Some(origin) = shared.redirect.lock().unwrap().as_ref() {
        return plain(StatusCode::FOUND)
            .header("location", format!("{origin}{}", request.uri()))
            .body(Body::empty())
            .unwrap();
    }
    if !is_welcome(&shared, request.headers()) {
        return plain(StatusCode::UNAUTHORIZED)
            .header("www-authenticate", "Basic realm=\"test\"")
            .body(Body::from("who are you?"))
            .unwrap();
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let pushing = parts.method == "POST" && parts.uri.path().ends_with("/git-receive-pack");
    if pushing {
        let hook = shared.between.lock().unwrap().take();
        if let Some(hook) = hook {
            tokio::task::spawn_blocking(hook).await.unwrap();
        }
    }
    let judged = shared.judge.lock().unwrap().as_mut().map(|j| j(pushing));
    match judged.unwrap_or(Fate::Served) {
        Fate::Unavailable => {
            return plain(StatusCode::SERVICE_UNAVAILABLE)
                .body(Body::from("come back later"))
                .unwrap();
        }
        Fate::CutBefore => return broken(),
        Fate::Served | Fate::CutAfter => {}
    }
    let answer = backend(&shared.root, &parts, body, "test").await;
    let cut = pushing && std::mem::take(&mut *shared.cut.lock().unwrap());
    if cut || judged == Some(Fate::CutAfter) {
        return broken();
    }
    answer
}

/// An answer that breaks off before its body.
pub(crate) fn broken() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    Response::new(Body::from_stream(broken))
}

fn plain(status: StatusCode) -> axum::http::response::Builder {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain")
}

fn is_welcome(shared: &Shared, headers: &HeaderMap) -> bool {
    let Some((user, password)) = &shared.login else {
        return true;
    };
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    headers
        .get("authorization")
        .is_some_and(|value| value.as_bytes() == format!("Basic {expected}").as_bytes())
}

/// One CGI call on behalf of a user; hooks see the name as `REMOTE_USER`.
pub(crate) async fn backend(
    root: &Path,
    parts: &axum::http::request::Parts,
    body: Bytes,
    user: &str,
) -> Response {
    let header = |name: &str| {
        let value = parts.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let mut child = tokio::process::Command::from(cleaned(backend_program(), root))
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", user)
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or(""))
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        // The backend may refuse before it has read everything.
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    feed.await.unwrap();
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::builder().status(StatusCode::OK);
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            _ => response.header(name, value),
        };
    }
    response
        .body(Body::from(output[end + 4..].to_vec()))
        .unwrap()
}

/// The CGI program itself: called by its path, it costs a process less, and a copy of this one's memory map less.
fn backend_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = git(Path::new("/"), &["--exec-path"]);
        Path::new(&folder).join("git-http-backend")
    })
}

/// `git` that knows nothing of this machine's configuration.
fn hermetic(dir: &Path) -> Command {
    cleaned(Path::new("git"), dir)
}

fn cleaned(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@example.org")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_COMMITTER_EMAIL", "ann@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000");
    command
}

/// Whether there is a `git` to test against; says so aloud if not.
pub(crate) fn git_is_here() -> bool {
    let here = Command::new("git")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !here {
        eprintln!("SKIPPED: there is no `git` on this machine");
    }
    here
}

/// Runs `git` in a folder and gives its output without the last line break; it must succeed.
pub(crate) fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = hermetic(dir).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// Makes `name` below `root`: bare, with a branch `main` of one commit that holds these files.
pub(crate) fn bare_repository(root: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let bare = root.join(name);
    git(root, &["init", "-q", "--bare", "-b", "main", name]);
    git(&bare, &["config", "http.receivepack", "true"]);
    if !files.is_empty() {
        commit_to(&bare, "main", files, "first");
    }
    bare
}

/// Adds a commit to a branch of a bare repository (a branch that is not there begins at `main`); gives the commit's id.
pub(crate) fn commit_to(
    bare: &Path,
    branch: &str,
    files: &[(&str, &str)],
    message: &str,
) -> String {
    let known = git(
        bare,
        &["for-each-ref", "--format=%(refname)", "refs/heads/"],
    );
    let name = format!("refs/heads/{branch}");
    let parent = [name.as_str(), "refs/heads/main"]
        .into_iter()
        .find(|candidate| known.lines().any(|line| line == *candidate));
    let mut stream = format!(
        "commit {name}\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata {}\n{message}\n\n",
        message.len() + 1
    );
    if let Some(parent) = parent {
        stream += &format!("from {parent}^0\n");
    }
    for (path, content) in files {
        let length = content.len();
        stream += &format!("M 100644 inline {path}\ndata {length}\n{content}\n");
    }
    let mut child = hermetic(bare)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stream.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    git(bare, &["rev-parse", &name])
}

/// Writes files below a folder.
pub(crate) fn write_files(dir: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let place = dir.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content).unwrap();
    }
}

/// Puts an executable hook into a bare repository.
pub(crate) fn hook(bare: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = bare.join("hooks").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
