//! A real registry, Debian's `docker-registry`, in the clear, with a password, and
//! by TLS.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use veld_remotes::{Access, Credentials, Digest, Progress, Reference, Registry};

use crate::image::{Image, MANIFEST, access, cache, pull_as, refused};

const PROGRAM: &str = "docker-registry";
/// `me:secret` for htpasswd.
const HTPASSWD: &str = "me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// A registry until it is dropped.
struct Real {
    child: Child,
    port: u16,
}

pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

impl Real {
    /// Serves what is below a directory; `more` is YAML of the section `http` and of
    /// those after it.
    fn start(dir: &Path, more: &str) -> Self {
        // Free now; whoever takes it meanwhile is told from it by the wait below.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n\
             storage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: 127.0.0.1:{port}\n{more}",
            dir.join("store").display()
        );
        let file = dir.join("config.yml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut real = Self { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(real.child.try_wait().unwrap().is_none(), "it ended");
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        real
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an image as `box:1` in the requests that the specification has for it.
    fn push(&self, image: &Image) {
        let base = format!("http://{}/v2/box", self.host());
        for (digest, content) in image.blobs() {
            let begun = ureq::post(format!("{base}/blobs/uploads/"))
                .send_empty()
                .unwrap();
            let place = begun.headers()["location"].to_str().unwrap().to_owned();
            let joint = if place.contains('?') { '&' } else { '?' };
            ureq::put(format!("{place}{joint}digest={digest}"))
                .send(&content[..])
                .unwrap();
        }
        ureq::put(format!("{base}/manifests/1"))
            .content_type(MANIFEST)
            .send(image.manifest.as_bytes())
            .unwrap();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn image() -> Image {
    Image::of(&[&vec![3; 3_000_000], b"second"])
}

/// A directory of a registry that has the image.
fn pushed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Real::start(dir.path(), "").push(&image());
    dir
}

#[test]
fn an_image_comes_from_a_real_registry_and_others_can_read_it() {
    if !is_there(PROGRAM) || !is_there("skopeo") {
        return;
    }
    let dir = pushed();
    let real = Real::start(dir.path(), "");
    let (_dir, cache) = cache();
    let name = format!("{}/box:1", real.host());
    let reference: Reference = name.parse().unwrap();
    let registry = Registry::new(&reference, None, &access(), &Progress::default()).unwrap();
    assert_eq!(registry.resolve().unwrap().to_string(), image().digest());
    let pulled = registry.pull(None, &cache).unwrap();
    assert_eq!(pulled.digest.to_string(), image().digest());
    let layout = format!("oci:{}:{name}", pulled.layout.display());
    let output = Command::new("skopeo")
        .args(["--insecure-policy", "inspect", "--raw", &layout])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        image().manifest,
        "{errors}"
    );
    assert_eq!(
        refused(pull_as(
            &format!("{}/box:2", real.host()),
            &access(),
            &cache
        )),
        format!(
            "cannot get http://{}/v2/box/manifests/2: 404 Not Found: manifest unknown",
            real.host()
        )
    );
}

#[test]
fn a_real_registry_goes_on_with_a_part() {
    if !is_there(PROGRAM) {
        return;
    }
    let dir = pushed();
    let real = Real::start(dir.path(), "");
    let (_dir, cache) = cache();
    let layer = &image().layers[0];
    let partial = cache.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    let part = partial.join(format!("sha256-{}.part", Digest::of(layer).hex()));
    std::fs::write(&part, &layer[..2_000_000]).unwrap();
    pull_as(&format!("{}/box:1", real.host()), &access(), &cache).unwrap();
    assert!(!part.exists());
}

#[test]
fn a_real_registry_wants_a_password() {
    if !is_there(PROGRAM) {
        return;
    }
    let dir = pushed();
    let file = dir.path().join("htpasswd");
    std::fs::write(&file, HTPASSWD).unwrap();
    let auth = format!(
        "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
        file.display()
    );
    let real = Real::start(dir.path(), &auth);
    let name = format!("{}/box:1", real.host());
    let (_dir, cache) = cache();
    let said = refused(pull_as(&name, &access(), &cache));
    assert!(
        said.contains(": 401 Unauthorized: it is not for everybody"),
        "{said}"
    );
    let with = |word: &str| {
        let file = dir.path().join("word");
        std::fs::write(&file, word).unwrap();
        Access {
            credentials: Some(Credentials::from_file("me", &file).unwrap()),
            ..access()
        }
    };
    let said = refused(pull_as(&name, &with("wrong"), &cache));
    assert!(
        said.ends_with(": 401 Unauthorized: the user or the password is not accepted"),
        "{said}"
    );
    pull_as(&name, &with("secret"), &cache).unwrap();
}

#[test]
fn a_real_registry_is_believed_by_its_certificate() {
    if !is_there(PROGRAM) || !is_there("openssl") {
        return;
    }
    let dir = pushed();
    let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("ca.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-days",
            "2",
        ])
        // What rustls takes is a certificate of a server, not of an authority.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let tls = format!(
        "  tls:\n    certificate: {}\n    key: {}\n",
        certificate.display(),
        key.display()
    );
    let real = Real::start(dir.path(), &tls);
    let url = format!("https://{}", real.host());
    let reference: Reference = format!("{}/box:1", real.host()).parse().unwrap();
    let (_dir, cache) = cache();
    let pull = |access: &Access| {
        Registry::new(&reference, Some(&url), access, &Progress::default())
            .unwrap()
            .pull(None, &cache)
    };
    let said = refused(pull(&access()));
    assert!(said.contains(": TLS: invalid peer certificate: "), "{said}");
    let trusting = Access {
        ca: Some(certificate),
        ..access()
    };
    let pulled = pull(&trusting).unwrap();
    assert_eq!(pulled.digest.to_string(), image().digest());
    // In the clear it is no registry at all, and says so.
    let said = refused(pull_as(&reference.to_string(), &access(), &cache));
    assert!(said.ends_with(": 400 Bad Request"), "{said}");
}
