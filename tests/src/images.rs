//! Images to be pulled: of the OCI, and a server's of simplestreams.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Cmd;
use crate::template::Template;

/// What an image says of itself.
const METADATA: &str =
    "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: BusyBox\n";

/// A copy of a template's tree, which other tests use meanwhile.
///
/// # Panics
/// Where it cannot be copied.
#[must_use]
pub fn copied_tree(directory: &Path, template: Template) -> PathBuf {
    let tree = directory.join("tree");
    let from = template.root().display().to_string();
    let to = tree.display().to_string();
    fs::create_dir_all(directory).unwrap();
    Cmd::program("cp", ["-a", &from, &to]).run().ok();
    tree
}

/// Writes an archive of what is in a directory.
///
/// # Panics
/// Where tar(1) does not.
pub fn archive(file: &Path, option: &str, directory: &Path, what: &str) {
    let (file, directory) = (file.display().to_string(), directory.display().to_string());
    let words = ["--numeric-owner", option, &file, "-C", &directory, what];
    Cmd::program("tar", words).run().ok();
}

/// An OCI image layout with one image, `1`, of a layer with a template and one with a word
/// in `/etc/word`.
///
/// # Panics
/// Where umoci(1) does not make it.
#[must_use]
pub fn oci_image(directory: &Path, template: Template, word: &str) -> PathBuf {
    let layout = directory.join("layout");
    let layers = [copied_tree(directory, template), directory.join("more")];
    fs::create_dir_all(layers[1].join("etc")).unwrap();
    fs::write(layers[1].join("etc/word"), word).unwrap();
    let image = format!("{}:1", layout.display());
    let umoci = |words: &[&str]| Cmd::program("umoci", words).run().ok();
    umoci(&["init", "--layout", &layout.display().to_string()]);
    umoci(&["new", "--image", &image]);
    for tree in layers {
        let file = tree.with_extension("tar");
        archive(&file, "-cf", &tree, ".");
        umoci(&[
            "raw",
            "add-layer",
            "--image",
            &image,
            &file.display().to_string(),
        ]);
    }
    layout
}

fn sha256(files: &[&Path]) -> String {
    let words: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let joined = format!("cat {} | sha256sum", words.join(" "));
    let said = Cmd::program("sh", ["-c", &joined]).run().ok();
    said.line().split(' ').next().unwrap().to_owned()
}

/// Makes the files of a server of simplestreams below `root`, which has a tree as
/// `busybox/1` and `busybox/1/cloud`.
///
/// # Panics
/// Where they cannot be written.
pub fn simplestreams(root: &Path, tree: &Path) {
    let images = root.join("images");
    let index = root.join("streams/v1");
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&index).unwrap();
    fs::write(images.join("metadata.yaml"), METADATA).unwrap();
    let (metadata, rootfs) = (images.join("incus.tar.xz"), images.join("rootfs.tar.xz"));
    archive(&metadata, "-cJf", &images, "metadata.yaml");
    archive(&rootfs, "-cJf", tree, ".");
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        same => same,
    };
    let item = |ftype: &str, file: &Path, more: &str| {
        let name = file.file_name().unwrap().to_str().unwrap();
        format!(
            r#"{{"ftype":"{ftype}","path":"images/{name}","size":{},"sha256":"{}"{more}}}"#,
            file.metadata().unwrap().len(),
            sha256(&[file])
        )
    };
    let combined = sha256(&[&metadata, &rootfs]);
    let product = |variant: &str| {
        format!(
            r#""busybox:1:{machine}:{variant}":{{"aliases":"busybox/1/{variant}","arch":"{machine}",
            "os":"BusyBox","release":"1","release_title":"one","variant":"{variant}",
            "versions":{{"20260102_05:24":{{"items":{{"incus.tar.xz":{},"root.tar.xz":{}}}}}}}}}"#,
            item(
                "incus.tar.xz",
                &metadata,
                &format!(r#","combined_rootxz_sha256":"{combined}""#)
            ),
            item("root.tar.xz", &rootfs, "")
        )
    };
    let products = format!(
        r#"{{"format":"products:1.0","products":{{{},{}}}}}"#,
        product("default"),
        product("cloud")
    );
    fs::write(index.join("images.json"), products).unwrap();
    let text = r#"{"format":"index:1.0","index":{"images":{"datatype":"image-downloads",
        "path":"streams/v1/images.json","format":"products:1.0"}}}"#;
    fs::write(index.join("index.json"), text).unwrap();
}
