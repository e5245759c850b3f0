//! Clients type and resize, as far as the VE takes it.

use std::io::Write;
use std::time::Duration;

use crate::boot::{read_all, read_until, script, set_size, type_in, until};

#[test]
fn what_is_typed_arrives_and_so_does_the_size() {
    let Some(boot) = script("read line; echo \"got $line\"; stty size; sleep 1000") else {
        return;
    };
    let mut client = boot.attach();
    set_size(&mut client, 123, 45);
    type_in(&mut client, b"hello\n");
    let seen = read_until(&mut client, "45 123");
    assert!(seen.contains("got hello"), "{seen}");
}

#[test]
fn who_asks_for_the_size_of_the_terminal_is_answered_by_the_shim_or_by_a_client() {
    let ask = "stty -echo -icanon min 10 rows 30 cols 90; read go; printf '\\033[18t'; \
         dd bs=10 count=1 2>/dev/null | tr '\\033' E; echo; sleep 1000";
    let Some(alone) = script(&ask.replace("read go; ", "")) else {
        return;
    };
    alone.until_log_has("E[8;30;90t");
    let attached = script(ask).unwrap();
    let mut client = attached.attach();
    type_in(&mut client, b"go\n");
    read_until(&mut client, "[18t");
    type_in(&mut client, b"0123456789");
    let seen = read_until(&mut client, "0123456789");
    assert!(!seen.contains("[8;"), "{seen}");
}

#[test]
fn a_client_that_cannot_be_understood_is_let_go_alone() {
    let Some(boot) = script("read line; echo \"got $line\"; sleep 1000") else {
        return;
    };
    let (mut good, mut bad) = (boot.attach(), boot.attach());
    bad.write_all(b"d\0\x02okGET / HTTP/1.1\r\n").unwrap();
    let echo = read_all(&mut bad);
    assert!("ok".starts_with(&echo), "no more than the echo: {echo:?}");
    type_in(&mut good, b"!\n");
    read_until(&mut good, "got ok!");
}

#[test]
fn a_ve_that_does_not_read_stops_the_typists_and_nothing_else() {
    let Some(boot) = script(
        "stty raw -echo; echo BEGIN; cd \"${NOTIFY_SOCKET%/*}\"
         until [ -e go ]; do echo tick; sleep 0.05; done
         head -c 300000 | md5sum >sum; echo DONE; sleep 1000",
    ) else {
        return;
    };
    let mut typist = boot.attach();
    read_until(&mut typist, "BEGIN");
    let text: Vec<u8> = (0..300_000u32)
        .map(|n| n.to_le_bytes()[0] % 90 + 32)
        .collect();
    let mut writing = typist.try_clone().unwrap();
    let all = text.clone();
    let writer = std::thread::spawn(move || {
        for piece in all.chunks(5000) {
            type_in(&mut writing, piece);
        }
    });
    // The tty is full after 64 KiB or so: the shim neither spins nor goes deaf.
    std::thread::sleep(Duration::from_millis(500));
    assert!(!writer.is_finished(), "the typist is held up");
    let ticks = boot.ticks();
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        boot.ticks() <= ticks + 5,
        "the shim waits instead of trying"
    );
    let mut other = boot.attach();
    read_until(&mut other, "tick");
    boot.touch("go");
    writer.join().unwrap();
    until("all is read", || boot.text("sum").contains('-'));
    let expected = md5(&text);
    assert_eq!(
        boot.text("sum").split_whitespace().next(),
        Some(&expected[..])
    );
}

fn md5(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let output = std::process::Command::new("md5sum")
        .arg(file.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}
