//! Users of a VE, looked up in its own files by a process inside it.

use veld_namespaces::IDS;
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

/// Why there is no account.
#[derive(Debug)]
pub(crate) enum AccountError {
    /// What was asked for is not there: a whole sentence, with no cause.
    Refused(String),
    /// The VE's files could not be looked at.
    Failed(Failure),
}

impl From<Failure> for AccountError {
    fn from(failure: Failure) -> Self {
        AccountError::Failed(failure)
    }
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
    pub(crate) fn account(&self) -> Result<Account, AccountError> {
        // Only who asks for a name depends on the file.
        let passwd = inside::read("/etc/passwd", MOST);
        let passwd = match self {
            Who::Name(_) => passwd.context(|| "read /etc/passwd of the VE")?,
            Who::Root | Who::Id { .. } => passwd.unwrap_or_default(),
        };
        let group = || inside::read("/etc/group", MOST).unwrap_or_default();
        self.among(&String::from_utf8_lossy(&passwd), || {
            String::from_utf8_lossy(&group()).into_owned()
        })
    }

    /// The account by passwd(5) text and, where it matters, group(5) text.
    fn among(&self, passwd: &str, group: impl FnOnce() -> String) -> Result<Account, AccountError> {
        let account = match self {
            Who::Root => Account {
                identity: Identity::root(),
                ..by_uid(passwd, 0).unwrap_or_else(|| Account::unlisted(0))
            },
            Who::Id { uid, gid: None } => match by_uid(passwd, *uid) {
                Some(listed) => listed.with_groups(group),
                None => Account::unlisted(*uid),
            },
            Who::Id {
                uid,
                gid: Some(gid),
            } => {
                let mut account = by_uid(passwd, *uid).unwrap_or_else(|| Account::unlisted(*uid));
                account.identity.gid = *gid;
                account
            }
            Who::Name(name) => accounts(passwd)
                .find(|found| found.name == *name)
                .ok_or_else(|| AccountError::Refused(format!("no user \"{name}\" in the VE")))?
                .with_groups(group),
        };
        match [account.identity.uid, account.identity.gid]
            .into_iter()
            .find(|id| *id >= IDS)
        {
            Some(id) => Err(AccountError::Refused(format!(
                "{id} is not an id of the VE"
            ))),
            None => Ok(account),
        }
    }
}

impl Account {
    /// A user of whom the VE's files say nothing.
    fn unlisted(uid: u32) -> Self {
        let (name, home) = match uid {
            0 => ("root".to_owned(), "/root"),
            _ => (uid.to_string(), "/"),
        };
        Self {
            identity: Identity {
                uid,
                gid: uid,
                groups: Vec::new(),
            },
            name,
            home: home.to_owned(),
            shell: "/bin/sh".to_owned(),
        }
    }

    fn with_groups(mut self, group: impl FnOnce() -> String) -> Self {
        if self.identity.uid != 0 {
            self.identity.groups = groups_of(&self.name, &group());
        }
        self
    }
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account> {
    passwd.lines().filter_map(entry)
}

fn by_uid(passwd: &str, uid: u32) -> Option<Account> {
    accounts(passwd).find(|found| found.identity.uid == uid)
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

/// Numbers of the groups in group(5) text that list `name`; not those that the
/// VE's namespace has no number for, since one would keep the user from all.
fn groups_of(name: &str, group: &str) -> Vec<u32> {
    group
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':').skip(2);
            let gid = fields.next()?.parse().ok().filter(|gid| *gid < IDS)?;
            let members = fields.next()?;
            members
                .split(',')
                .any(|member| member == name)
                .then_some(gid)
        })
        .collect()
}

#[cfg(test)]
mod tests;
