//! Those who use the services of a VE, from the host of the test.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_tests::{Cmd, Output, Ve, eventually};

const PATIENCE: Duration = Duration::from_secs(10);

/// Where a VE is reached by IPv4.
pub(crate) fn address(ve: &Ve<'_>) -> IpAddr {
    let shown = ve.show();
    shown["addresses"][0].as_str().unwrap().parse().unwrap()
}

/// What a web server says to a request for its first page.
pub(crate) fn get(ve: &Ve<'_>) -> String {
    let mut stream = connect(ve, 80);
    let request = "GET / HTTP/1.0\r\nHost: test\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The one value that a query of `PostgreSQL` comes to, asked by a user who is
/// trusted.
///
/// The protocol is in the manual, "Message Formats": after its greeting, each
/// message is a letter, a length that counts itself, and so much of content.
pub(crate) fn query(ve: &Ve<'_>, text: &str) -> String {
    let mut stream = connect(ve, 5432);
    let mut greeting = 196_608_u32.to_be_bytes().to_vec();
    greeting.extend(b"user\0postgres\0database\0postgres\0\0");
    stream.write_all(&with_length(&greeting)).unwrap();
    let mut question = text.as_bytes().to_vec();
    question.push(0);
    let mut value = None;
    loop {
        match message(&mut stream) {
            // The server is ready: for the question, or for the next.
            (b'Z', _) => match value {
                Some(value) => return value,
                None => {
                    stream.write_all(b"Q").unwrap();
                    stream.write_all(&with_length(&question)).unwrap();
                }
            },
            // A row: how many values, and the length of the first before it.
            (b'D', row) => value = Some(String::from_utf8(row[6..].to_vec()).unwrap()),
            (b'E', error) => panic!("{text}: {}", String::from_utf8_lossy(&error)),
            _ => {}
        }
    }
}

fn message(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes(head[1..].try_into().unwrap()) - 4;
    let mut content = vec![0; length.try_into().unwrap()];
    stream.read_exact(&mut content).unwrap();
    (head[0], content)
}

fn with_length(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap();
    [&length.to_be_bytes(), content].concat()
}

fn connect(ve: &Ve<'_>, port: u16) -> TcpStream {
    let to = (address(ve), port).into();
    // An init may still be at starting who answers.
    let connect = || TcpStream::connect_timeout(&to, PATIENCE).ok();
    let stream = eventually("somebody answers", connect);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Somebody with a key of ssh.
#[derive(Debug)]
pub(crate) struct Key {
    file: PathBuf,
}

impl Key {
    /// Makes one.
    pub(crate) fn make(directory: &Path) -> Self {
        let file = directory.join("key");
        let path = file.display().to_string();
        let words = ["-q", "-t", "ed25519", "-N", "", "-f", &path];
        Cmd::program("ssh-keygen", words).run().done();
        Self { file }
    }

    /// Lets its owner in as root.
    pub(crate) fn authorize(&self, ve: &Ve<'_>) {
        ve.sh("mkdir -p /root/.ssh && chmod 700 /root/.ssh").done();
        let public = std::fs::read(self.file.with_extension("pub")).unwrap();
        ve.put("/root/.ssh/authorized_keys", public, "600");
    }

    /// Logs in and runs a command.
    pub(crate) fn ssh(&self, ve: &Ve<'_>, command: &str) -> Output {
        let file = self.file.display().to_string();
        let to = format!("root@{}", address(ve));
        let words = [
            "-q",
            "-i",
            &file,
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            &to,
            command,
        ];
        Cmd::program("ssh", words).run()
    }
}
