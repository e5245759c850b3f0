//! Firewalls of others: whether they let through what goes to and from guests.
//!
//! They are read and never changed. A base chain of the hook `forward` whose policy is to
//! drop has what it does not know dropped, whatever our own table says: in nftables a
//! packet must pass all of them. One of the hook `input` keeps VEs from the host's server
//! of names.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;

use crate::note::Note;
use crate::program::find;

/// How long nft may take; it takes 3 ms.
const PATIENCE: Duration = Duration::from_secs(10);
/// Chains of a host with a thousand of them have some 200 KB.
const LONGEST: usize = 8 * 1024 * 1024;

pub(crate) fn notes(root: &Path, own: &str) -> Vec<Note> {
    let listed = find(root, "nft").and_then(|nft| list(&nft).ok());
    let mut notes = listed.map_or_else(Vec::new, |text| of_chains(&text, own));
    notes.extend(of_iptables(root));
    notes
}

/// What `nft -j list chains` prints.
fn list(nft: &Path) -> io::Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "nft is who knows how chains of others are listed"
    )]
    let mut command = Command::new(nft);
    command
        .args(["-j", "list", "chains"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let text = read(&mut child);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    let text = text?;
    if status.success() {
        return Ok(text);
    }
    Err(io::Error::other("nft says no"))
}

/// All that a child prints, if it comes to an end in time.
fn read(child: &mut Child) -> io::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut output = child.stdout.take().ok_or(Errno::PIPE)?;
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut text = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        wait(output.as_fd(), deadline)?;
        let length = output.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        text.extend_from_slice(chunk.get(..length).unwrap_or_default());
        if text.len() > LONGEST {
            return Err(Errno::FBIG.into());
        }
    }
    // It may have closed its output and go on.
    wait(pidfd.as_fd(), deadline)?;
    String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Waits until there is something to read, or an end.
fn wait(descriptor: BorrowedFd<'_>, deadline: Instant) -> io::Result<()> {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    let remaining = || {
        let left = deadline.saturating_duration_since(Instant::now());
        Timespec::try_from(left).map_err(|_| Errno::INVAL)
    };
    match retry_on_intr(|| poll(&mut polled, Some(&remaining()?)))? {
        0 => Err(Errno::TIMEDOUT.into()),
        _ => Ok(()),
    }
}

/// Chains that drop what is forwarded, out of what nft lists; `own` is our table.
fn of_chains(listed: &str, own: &str) -> Vec<Note> {
    let Ok(listed) = serde_json::from_str::<Value>(listed) else {
        return Vec::new();
    };
    let objects = listed.get("nftables").and_then(Value::as_array);
    let chains = objects
        .into_iter()
        .flatten()
        .filter_map(|it| it.get("chain"));
    chains.filter_map(|chain| of_chain(chain, own)).collect()
}

fn of_chain(chain: &Value, own: &str) -> Option<Note> {
    let text = |key: &str| chain.get(key).and_then(Value::as_str);
    let (family, table, name) = (text("family")?, text("table")?, text("name")?);
    let drops = text("policy") == Some("drop");
    if table == own {
        return None;
    }
    if text("hook") == Some("input") && drops {
        return Some(of_input([family, table, name], own));
    }
    let is_firewalld = table == "firewalld";
    if text("hook") != Some("forward") || !(drops || is_firewalld) {
        return None;
    }
    let fact = if is_firewalld {
        "rejects what is forwarded between zones that do not allow it"
    } else {
        "drops what is forwarded unless a rule accepts it"
    };
    Some(Note {
        kind: "firewall",
        subject: format!("chain {family} {table} {name}"),
        fact: fact.to_owned(),
        advice: advice(family, table, name, own),
    })
}

/// A chain that drops what comes to the host itself, of which VEs need its server of
/// names alone.
fn of_input([family, table, name]: [&str; 3], own: &str) -> Note {
    let advice = if table == "filter" && name == "INPUT" {
        let tool = iptables(family);
        let rule =
            |protocol| format!("{tool} -I INPUT -i {own}+ -p {protocol} --dport 53 -j ACCEPT");
        format!("{}; {}", rule("udp"), rule("tcp"))
    } else {
        format!(
            "nft insert rule {family} {table} {name} iifname \"{own}*\" \
             meta l4proto {{ tcp, udp }} th dport 53 accept"
        )
    };
    Note {
        kind: "firewall",
        subject: format!("chain {family} {table} {name}"),
        fact: "drops what comes to the host unless a rule accepts it".to_owned(),
        advice: format!("dns=veld needs: {advice}"),
    }
}

fn iptables(family: &str) -> &'static str {
    if family == "ip6" {
        "ip6tables"
    } else {
        "iptables"
    }
}

/// What whoever owns the chain would add.
fn advice(family: &str, table: &str, name: &str, own: &str) -> String {
    if table == "firewalld" {
        return format!(
            "to let VEs through: firewall-cmd --permanent --zone=trusted --add-interface={own}+; \
             firewall-cmd --reload"
        );
    }
    if table == "filter" && name == "FORWARD" {
        let tool = iptables(family);
        return format!(
            "to let VEs through: {tool} -I FORWARD -i {own}+ -j ACCEPT; \
             {tool} -I FORWARD -o {own}+ -j ACCEPT \
             (with Docker in its chain DOCKER-USER, with ufw by DEFAULT_FORWARD_POLICY)"
        );
    }
    format!(
        "to let VEs through: nft insert rule {family} {table} {name} iifname \"{own}*\" accept; \
         nft insert rule {family} {table} {name} oifname \"{own}*\" accept"
    )
}

/// The old iptables keeps rules that nft does not see, and tells only that it has some.
///
/// # Kernel
/// /proc/net/ip_tables_names, a line for each table that is loaded.
fn of_iptables(root: &Path) -> Vec<Note> {
    let files = [
        ("proc/net/ip_tables_names", "iptables-legacy"),
        ("proc/net/ip6_tables_names", "ip6tables-legacy"),
    ];
    let has_filter = |file: &str| {
        let tables = veld_kernfs::read(&root.join(file)).unwrap_or_default();
        tables.lines().any(|table| table == "filter")
    };
    let found = files.iter().filter(|(file, _)| has_filter(file));
    found
        .map(|(_, tool)| Note {
            kind: "firewall",
            subject: (*tool).to_owned(),
            fact: "has a table filter, which nft does not show".to_owned(),
            advice: format!("see whether it lets VEs through: {tool} -S FORWARD"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::tree;

    fn chain(family: &str, table: &str, name: &str, policy: &str) -> String {
        chain_of("forward", family, table, name, policy)
    }

    fn chain_of(hook: &str, family: &str, table: &str, name: &str, policy: &str) -> String {
        format!(
            r#"{{"chain": {{"family": "{family}", "table": "{table}", "name": "{name}",
               "handle": 1, "type": "filter", "hook": "{hook}", "prio": 0,
               "policy": "{policy}"}}}}"#
        )
    }

    #[test]
    fn chains_that_drop_questions_after_names_are_told_of() {
        let text = listed(&[
            chain_of("input", "ip6", "filter", "INPUT", "drop"),
            chain_of("input", "inet", "site", "in", "drop"),
            chain_of("input", "ip", "filter", "INPUT", "accept"),
            chain_of("output", "ip", "filter", "OUTPUT", "drop"),
            chain_of("input", "inet", "veld", "input", "drop"),
        ]);
        let notes = of_chains(&text, "veld");
        let advice: Vec<&str> = notes.iter().map(|note| note.advice.as_str()).collect();
        assert_eq!(
            advice,
            [
                "dns=veld needs: ip6tables -I INPUT -i veld+ -p udp --dport 53 -j ACCEPT; \
                 ip6tables -I INPUT -i veld+ -p tcp --dport 53 -j ACCEPT",
                "dns=veld needs: nft insert rule inet site in iifname \"veld*\" \
                 meta l4proto { tcp, udp } th dport 53 accept",
            ]
        );
        assert_eq!(notes[1].subject, "chain inet site in");
    }

    fn listed(chains: &[String]) -> String {
        format!(
            r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6"}}}}, {}]}}"#,
            chains.join(", ")
        )
    }

    #[test]
    fn chains_that_drop_are_told_of_with_a_remedy() {
        let text = listed(&[
            chain("ip", "filter", "FORWARD", "drop"),
            chain("ip6", "filter", "FORWARD", "accept"),
            chain("inet", "veld", "forward", "drop"),
            chain("inet", "site", "fwd", "drop"),
            chain("inet", "firewalld", "filter_FORWARD", "accept"),
            r#"{"chain": {"family": "inet", "table": "site", "name": "x", "handle": 2}}"#.into(),
        ]);
        let notes = of_chains(&text, "veld");
        let subjects: Vec<&str> = notes.iter().map(|note| note.subject.as_str()).collect();
        assert_eq!(
            subjects,
            [
                "chain ip filter FORWARD",
                "chain inet site fwd",
                "chain inet firewalld filter_FORWARD"
            ]
        );
        assert!(
            notes[0]
                .advice
                .contains("iptables -I FORWARD -i veld+ -j ACCEPT")
        );
        assert!(
            notes[1]
                .advice
                .contains("insert rule inet site fwd iifname \"veld*\"")
        );
        assert!(notes[2].advice.contains("--add-interface=veld+"));
    }

    #[test]
    fn nonsense_is_nothing() {
        for text in [
            "",
            "{",
            "[]",
            r#"{"nftables": 1}"#,
            r#"{"nftables": [{"chain": 1}]}"#,
        ] {
            assert_eq!(of_chains(text, "veld"), [], "{text}");
        }
    }

    #[test]
    fn the_old_iptables_is_seen_by_its_tables() {
        let root = tree(&[("proc/net/ip_tables_names", "nat\nfilter\n")]);
        let notes = of_iptables(root.path());
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].subject, "iptables-legacy");
    }
}
