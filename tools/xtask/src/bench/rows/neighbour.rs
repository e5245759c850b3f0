//! What a quiet VE notices of one beside it that takes all that it can get.
//!
//! A program in the quiet VE and a request to its web server take turns, in rounds
//! with the attack and rounds without, so that what else this machine does hits both.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::sample::{Samples, timed};
use super::super::table::{Aim, Peer, Row, Value};
use super::super::{Bench, tiny};
use super::Ve;
use super::load::Load;
use crate::report;
use crate::veld::Veld;

/// Rounds of each kind, and samples of both questions in one.
pub(super) const ROUNDS: usize = 4;
pub(super) const SAMPLES: usize = 100;

/// The p99 beside an attack, in terms of that without.
const AIM: f64 = 1.5;

/// How long an attack goes on before its first sample.
const BEGIN: Duration = Duration::from_millis(500);

/// A request that is not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an administrator gives to somebody who is not known.
const LIMITS: &[&str] = &[
    "--network=none",
    "--ram=256M",
    "--swap=0",
    "--processes=200",
    "--cpulimit=100%",
    "--cpuunits=1000",
];

/// Each with the questions that the probe is asked, over and over.
const ATTACKS: &[(&str, &str)] = &[
    ("a fork bomb", "/probe fork-bomb"),
    ("anonymous memory", "/probe eat 1000"),
    (
        "a tmpfs",
        "/bin/busybox mount -t tmpfs m /tmp && while :; do /probe fill-file /tmp/f 1000 0; done",
    ),
    ("/dev/shm", "/probe fill-file /dev/shm/f 1000 0"),
    ("page cache", "/probe fill-file /var/f 600 0"),
    ("pipes", "/probe fill-pipes 1000 500"),
    ("local sockets", "/probe fill-sockets unix 1000 500"),
    (
        "terminals",
        "/probe take-terminals own 200 & /probe take-terminals new 200; wait",
    ),
    (
        "100,000 files",
        "/bin/busybox rm -rf /var/f; /probe make-files /var/f 100000",
    ),
];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (Some(veld), Some(probe)) = (&bench.veld, &bench.probe) else {
        return Ok(Vec::new());
    };
    let quiet = Quiet::start(veld)?;
    let attacker = Ve::create_with(veld, "attacker", tiny::TEMPLATE, LIMITS)?;
    attacker.start()?;
    bring(&attacker, probe)?;
    attacker.kill()?;
    let mut rows = Vec::new();
    for (name, attack) in ATTACKS {
        rows.extend(beside(&quiet, &attacker, name, attack)?);
    }
    Ok(rows)
}

/// Both questions without the attack and with it.
fn beside(quiet: &Quiet<'_>, attacker: &Ve<'_>, name: &str, attack: &str) -> Result<[Row; 2]> {
    let (mut alone, mut attacked) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        alone.take(quiet)?;
        attacker.start()?;
        let load = Load::begin(attacker, &format!("while :; do {attack}; done"))?;
        sleep(BEGIN);
        let taken = attacked.take(quiet);
        drop(load);
        taken.with_context(|| format!("beside {name}"))?;
    }
    Ok([
        row(&format!("exec beside {name}"), alone.exec, attacked.exec),
        row(&format!("HTTP beside {name}"), alone.http, attacked.http),
    ])
}

/// What was measured so far of one kind of round.
#[derive(Debug, Default)]
struct Times {
    exec: Vec<Duration>,
    http: Vec<Duration>,
}

impl Times {
    fn take(&mut self, quiet: &Quiet<'_>) -> Result<()> {
        for _ in 0..SAMPLES {
            self.exec.push(quiet.ve.exec(&["/bin/true"])?);
            self.http.push(timed(|| quiet.ask())?);
        }
        Ok(())
    }
}

fn row(what: &str, alone: Vec<Duration>, attacked: Vec<Duration>) -> Row {
    let alone = Samples::new("alone".to_owned(), alone);
    let attacked = Samples::new("beside".to_owned(), attacked);
    println!(
        "   {what}: p99 {}, alone {}; median {}, alone {}",
        report::time(attacked.percentile(99)),
        report::time(alone.percentile(99)),
        report::time(attacked.median()),
        report::time(alone.median()),
    );
    Row {
        what: format!("{what}, p99"),
        veld: Some(Value::Time(attacked.percentile(99))),
        peer: Some(Peer::Is(
            "alone".to_owned(),
            Value::Time(alone.percentile(99)),
        )),
        aim: Aim::Ratio(AIM),
    }
}

/// A VE with a web server that does nothing until it is asked.
struct Quiet<'a> {
    ve: Ve<'a>,
    server: SocketAddr,
}

impl<'a> Quiet<'a> {
    fn start(veld: &'a Veld) -> Result<Self> {
        let ve = Ve::tiny(veld, "quiet")?;
        ve.start()?;
        let pages = "echo hello >/var/index.html; exec /bin/busybox httpd -p 80 -h /var";
        ve.exec(&["/bin/sh", "-c", pages])?;
        let addresses = ve.shown("ip ")?;
        let first = addresses.split([' ', ',', '/']).next().unwrap_or_default();
        let address: IpAddr = first
            .parse()
            .with_context(|| format!("quiet has no address: {addresses:?}"))?;
        let server = SocketAddr::new(address, 80);
        let quiet = Self { ve, server };
        let begun = Instant::now();
        while let Err(error) = quiet.ask() {
            if begun.elapsed() > PATIENCE {
                return Err(error);
            }
            sleep(Duration::from_millis(50));
        }
        Ok(quiet)
    }

    /// One request, over the link between the host and the VE.
    fn ask(&self) -> Result<()> {
        let mut stream = TcpStream::connect_timeout(&self.server, PATIENCE)
            .with_context(|| format!("cannot connect to {}", self.server))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .with_context(|| format!("no answer from {}", self.server))?;
        if !answer.ends_with("hello\n") {
            bail!("{} answers {answer:?}", self.server);
        }
        Ok(())
    }
}

/// Puts the program that attacks into a VE that runs.
fn bring(ve: &Ve<'_>, probe: &Path) -> Result<()> {
    let file =
        std::fs::File::open(probe).with_context(|| format!("cannot open {}", probe.display()))?;
    let script = "/bin/busybox cat >/probe && /bin/busybox chmod 755 /probe";
    let mut exec = ve.exec_command(&["/bin/sh", "-c", script]);
    let status = exec
        .stdin(Stdio::from(file))
        .status()
        .context("cannot execute veld")?;
    if !status.success() {
        bail!("cannot bring the probe in: {status}");
    }
    Ok(())
}
