//! The console of a VE; the test is its shim.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use veld_protocol::console::{Decoder, Message, Size};

use crate::session::{OnTerminal, PATIENCE, on_pipes, signal, ticks, until};

/// The shim's end, with what was said so far.
struct Shim {
    _directory: TempDir,
    path: String,
    listener: UnixListener,
}

struct Client {
    socket: UnixStream,
    decoder: Decoder,
    typed: Vec<u8>,
    size: Option<Size>,
}

impl Shim {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.sock");
        let listener = UnixListener::bind(&path).unwrap();
        Self {
            path: path.to_str().unwrap().to_owned(),
            _directory: directory,
            listener,
        }
    }

    fn accept(&self) -> Client {
        let socket = self.listener.accept().unwrap().0;
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            socket,
            decoder: Decoder::default(),
            typed: Vec::new(),
            size: None,
        }
    }
}

impl Client {
    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        let length = self.socket.read(&mut buffer).unwrap();
        let mut said = &buffer[..length];
        while let Some(message) = self.decoder.next(&mut said).unwrap() {
            match message {
                Message::Data(typed) => self.typed.extend_from_slice(typed),
                Message::Resize(size) => self.size = Some(size),
            }
        }
    }

    fn hear_until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            self.hear();
        }
    }
}

fn size(columns: u16, rows: u16) -> Option<Size> {
    Some(Size { columns, rows })
}

#[test]
fn keys_output_and_size_go_through_and_the_escape_leaves_the_terminal_as_it_was() {
    let shim = Shim::new();
    let mut user = OnTerminal::start(&["attach", &shim.path]);
    let before = user.before.clone();
    let mut client = shim.accept();
    client.hear_until(|client| client.size == size(100, 30));
    assert!(user.is_raw());
    user.resize(80, 24);
    client.hear_until(|client| client.size == size(80, 24));
    user.type_in(b"ls\x03\x1d~/\r");
    client.hear_until(|client| client.typed == b"ls\x03\x1d~/\r");
    client.socket.write_all(b"a\nb").unwrap();
    assert_eq!(user.shown("b"), "a\nb", "neither echo nor change");
    user.type_in(b"~.");
    let (why, after) = user.ended_with_settings();
    assert_eq!(why, "Ok(Detached)");
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

#[test]
fn three_control_brackets_leave() {
    let shim = Shim::new();
    let mut user = OnTerminal::start(&["attach", &shim.path]);
    let mut client = shim.accept();
    client.hear_until(|client| client.size.is_some());
    user.type_in(b"x\x1d\x1d\x1d");
    assert_eq!(user.ended_unseen(), "Ok(Detached)");
}

#[test]
fn the_end_of_the_ve_and_a_signal_are_told_apart_and_restore_the_terminal() {
    for by_signal in [false, true] {
        let shim = Shim::new();
        let user = OnTerminal::start(&["attach", &shim.path]);
        let mut client = shim.accept();
        client.hear_until(|client| client.size.is_some());
        until("it is raw", || user.is_raw());
        let settings = user.settings();
        assert!(
            !settings
                .local_modes
                .contains(rustix::termios::LocalModes::ECHO)
        );
        client.socket.write_all(b"last words").unwrap();
        let expected = if by_signal {
            signal(user.pid(), Signal::TERM);
            "Ok(Signal(15))"
        } else {
            drop(client);
            "Ok(Ended)"
        };
        let (why, after) = user.ended_with_settings();
        assert_eq!(why, expected);
        assert!(
            after
                .local_modes
                .contains(rustix::termios::LocalModes::ECHO)
        );
    }
}

#[test]
fn a_pipe_is_handed_on_byte_for_byte_and_its_end_ends_nothing() {
    let shim = Shim::new();
    let mut user = on_pipes(&["attach", &shim.path]);
    let mut client = shim.accept();
    let mut stdin = user.stdin.take().unwrap();
    stdin.write_all(b"~.\x1d\x1d\x1d!").unwrap();
    drop(stdin);
    client.hear_until(|client| client.typed == b"~.\x1d\x1d\x1d!");
    std::thread::sleep(Duration::from_millis(100));
    let before = ticks(user.id());
    std::thread::sleep(Duration::from_millis(300));
    assert!(ticks(user.id()) <= before + 1, "it does not spin");
    client.socket.write_all(b"late").unwrap();
    drop(client);
    let ended = user.wait_with_output().unwrap();
    assert_eq!(ended.stdout, b"late");
    assert_eq!(ended.stderr, b"Ok(Ended)\n");
}

#[test]
fn output_flows_while_the_console_takes_no_input() {
    let shim = Shim::new();
    let mut user = OnTerminal::start(&["attach", &shim.path]);
    let mut client = shim.accept();
    client.hear_until(|client| client.size.is_some());
    let mut typing = user.master.try_clone().unwrap();
    let paste = std::thread::spawn(move || typing.write_all(&[b'x'; 1_000_000]).unwrap());
    std::thread::sleep(Duration::from_millis(200));
    assert!(!paste.is_finished());
    client.socket.write_all(b"still here").unwrap();
    user.shown("still here");
    client.hear_until(|client| client.typed.len() == 1_000_000);
    paste.join().unwrap();
}

#[test]
fn nobody_looking_any_more_is_leaving() {
    let shim = Shim::new();
    let mut user = on_pipes(&["attach", &shim.path]);
    let mut client = shim.accept();
    drop(user.stdout.take());
    client.socket.write_all(b"anybody?").unwrap();
    assert_eq!(user.wait_with_output().unwrap().stderr, b"Ok(Detached)\n");
}
