//! Who somebody is in a VE, by the text of its files.

use super::*;

const PASSWD: &str = "\
toor:x:0:7:other root:/toor:/bin/toor
root:x:0:0:root:/root:/bin/bash
bob:x:1000:100:Bob,,,:/home/bob:
far:x:70000:100::/:/bin/sh
away:x:1001:4294967294::/:/bin/sh
";

const GROUP: &str = "\
root:x:0:bob
sudo:x:27:alice,bob
adm:x:4:bobby
far:x:65536:bob
last:x:65535:bob
numbers:x:99:4321
broken
";

fn account(who: &str) -> Result<Account, String> {
    let who = if who == "root!" {
        Who::Root
    } else {
        Who::parse(who)
    };
    match who.among(PASSWD, || GROUP.to_owned()) {
        Ok(account) => Ok(account),
        Err(AccountError::Refused(fact)) => Err(fact),
        Err(AccountError::Failed(failure)) => panic!("{failure}"),
    }
}

fn ids(who: &str) -> (u32, u32, Vec<u32>) {
    let identity = account(who).unwrap().identity;
    (identity.uid, identity.gid, identity.groups)
}

#[test]
fn names_and_numbers_are_told_apart() {
    assert_eq!(Who::parse("www-data"), Who::Name("www-data".to_owned()));
    assert_eq!(Who::parse("33"), Who::Id { uid: 33, gid: None });
    assert_eq!(
        Who::parse("33:44"),
        Who::Id {
            uid: 33,
            gid: Some(44)
        }
    );
    assert_eq!(Who::parse("33:x"), Who::Name("33:x".to_owned()));
}

#[test]
fn a_line_of_passwd_is_an_account() {
    let account = entry("bob:x:1000:100:Bob,,,:/home/bob:").unwrap();
    assert_eq!((account.identity.uid, account.identity.gid), (1000, 100));
    assert_eq!(
        (account.home.as_str(), account.shell.as_str()),
        ("/home/bob", "/bin/sh")
    );
    for nonsense in [
        "",
        ":x:1:1:::",
        "bob",
        "bob:x:1",
        "bob:x:1:1",
        "bob:x:-1:0::/:/",
        "bob:x:99999999999:0::/:/",
    ] {
        assert_eq!(entry(nonsense), None, "{nonsense}");
    }
}

#[test]
fn a_name_comes_with_its_groups() {
    assert_eq!(ids("bob"), (1000, 100, vec![0, 27, 65535]));
    assert_eq!(account("bob").unwrap().home, "/home/bob");
    // Root has no need of groups, and gets none by accident.
    assert_eq!(ids("root"), (0, 0, vec![]));
}

#[test]
fn a_number_is_that_user_or_a_user_of_that_number() {
    assert_eq!(ids("1000"), (1000, 100, vec![0, 27, 65535]));
    assert_eq!(ids("1000:5"), (1000, 5, vec![]));
    assert_eq!(ids("4321"), (4321, 4321, vec![]));
    let unlisted = account("4321").unwrap();
    assert_eq!(
        (unlisted.name.as_str(), unlisted.home.as_str()),
        ("4321", "/")
    );
    assert_eq!(ids("65535:65535"), (65535, 65535, vec![]));
}

#[test]
fn root_is_user_and_group_0_whatever_the_files_say() {
    assert_eq!(ids("root!"), (0, 0, vec![]));
    let nowhere = Who::Root.among("", String::new).unwrap();
    assert_eq!(
        (nowhere.name.as_str(), nowhere.home.as_str()),
        ("root", "/root")
    );
}

#[test]
fn who_cannot_be_is_a_fact() {
    for (who, fact) in [
        ("alice", "no user \"alice\" in the VE"),
        ("-1", "no user \"-1\" in the VE"),
        ("99999999999", "no user \"99999999999\" in the VE"),
        ("65536", "65536 is not an id of the VE"),
        ("4294967295", "4294967295 is not an id of the VE"),
        ("1:65536", "65536 is not an id of the VE"),
        ("far", "70000 is not an id of the VE"),
        ("away", "4294967294 is not an id of the VE"),
    ] {
        assert_eq!(account(who).unwrap_err(), fact, "{who}");
    }
}

#[test]
fn supplementary_groups_are_those_that_list_the_user() {
    assert_eq!(groups_of("bob", GROUP), [0, 27, 65535]);
}
