//! Users of a VE, looked up in its own files by a process inside it.

use std::io;

use veld_privileges::Identity;
use veld_sys::{Context, Failure};

use crate::inside;

/// As whom a program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// User and group 0, whatever the VE's files say.
    Root,
    /// A name of the VE's.
    Name(String),
    /// Numbers; the group is that of the user where not given.
    Id {
        /// User id.
        uid: u32,
        /// Group id.
        gid: Option<u32>,
    },
}

/// What a program is told of the user it runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) identity: Identity,
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// No file of users is read past this many bytes.
const MOST: u64 = 4 << 20;

impl Who {
    /// `NAME`, `UID` or `UID:GID`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        match (user.parse(), group.map(str::parse)) {
            (Ok(uid), None) => Who::Id { uid, gid: None },
            (Ok(uid), Some(Ok(gid))) => Who::Id {
                uid,
                gid: Some(gid),
            },
            _ => Who::Name(text.to_owned()),
        }
    }

    /// Looks the user up in /etc/passwd and /etc/group of this process's root.
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        let passwd = inside::read("/etc/passwd", MOST);
        let found = match self {
            Who::Root => passwd
                .as_deref()
                .unwrap_or_default()
                .lines()
                .find_map(by_uid(0)),
            Who::Id { uid, .. } => passwd
                .as_deref()
                .unwrap_or_default()
                .lines()
                .find_map(by_uid(*uid)),
            Who::Name(name) => {
                let passwd = passwd.context(|| "read /etc/passwd of the VE")?;
                let entry = passwd
                    .lines()
                    .find_map(|line| entry(line).filter(|found| found.name == *name));
                let missing = || {
                    Failure::new(
                        format!("find user \"{name}\" in the VE"),
                        io::ErrorKind::NotFound,
                    )
                };
                Some(entry.ok_or_else(missing)?)
            }
        };
        Ok(self.with_groups(found))
    }

    fn with_groups(&self, found: Option<Account>) -> Account {
        let (uid, gid) = match self {
            Who::Id { uid, gid } => (*uid, *gid),
            Who::Root | Who::Name(_) => (0, None),
        };
        let mut account = found.unwrap_or_else(|| Account {
            identity: Identity {
                uid,
                gid: uid,
                groups: Vec::new(),
            },
            name: if uid == 0 {
                "root".to_owned()
            } else {
                uid.to_string()
            },
            home: if uid == 0 {
                "/root".to_owned()
            } else {
                "/".to_owned()
            },
            shell: "/bin/sh".to_owned(),
        });
        if let Some(gid) = gid {
            account.identity.gid = gid;
        } else if account.identity.uid != 0 {
            let group = inside::read("/etc/group", MOST).unwrap_or_default();
            account.identity.groups = groups_of(&account.name, &group);
        }
        account
    }
}

fn by_uid(uid: u32) -> impl Fn(&str) -> Option<Account> {
    move |line| entry(line).filter(|found| found.identity.uid == uid)
}

/// A line of passwd(5).
fn entry(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let _password = fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let _comment = fields.next()?;
    let or = |text: Option<&str>, default: &str| match text {
        None | Some("") => default.to_owned(),
        Some(text) => text.to_owned(),
    };
    let home = or(fields.next(), "/");
    let shell = or(fields.next(), "/bin/sh");
    Some(Account {
        identity: Identity {
            uid,
            gid,
            groups: Vec::new(),
        },
        name,
        home,
        shell,
    })
}

/// Numbers of the groups in group(5) text that list `name`.
fn groups_of(name: &str, group: &str) -> Vec<u32> {
    group
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':').skip(2);
            let gid = fields.next()?.parse().ok()?;
            let members = fields.next()?;
            members
                .split(',')
                .any(|member| member == name)
                .then_some(gid)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "bob:x:-1:0::/:/",
            "bob:x:99999999999:0::/:/",
        ] {
            assert_eq!(entry(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn supplementary_groups_are_those_that_list_the_user() {
        let group = "root:x:0:\nsudo:x:27:alice,bob\nadm:x:4:bobby\nbroken\n";
        assert_eq!(groups_of("bob", group), [27]);
    }
}
