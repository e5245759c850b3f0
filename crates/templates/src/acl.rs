//! POSIX access control lists: the text that archives carry, the binary form
//! that the kernel takes as an extended attribute.
//!
//! The text may name users and groups. These are the template's own, so they are
//! looked up in its etc/passwd and etc/group, never in the host's.

use std::collections::HashMap;
use std::ffi::CStr;

use crate::meta::checked_id;
use crate::refusal::Refusal;

/// Attribute of the list that is asked for each access.
pub(crate) const ACCESS: &CStr = c"system.posix_acl_access";
/// Attribute of the list that new files in a directory get.
pub(crate) const DEFAULT: &CStr = c"system.posix_acl_default";

const VERSION: u32 = 2;
const NO_ID: u32 = u32::MAX;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const MAX_ENTRIES: usize = 1024;

/// A list as an archive wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Acl {
    /// [`ACCESS`] or [`DEFAULT`].
    pub(crate) attribute: &'static CStr,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    tag: u16,
    permissions: u16,
    whom: Whom,
}

#[derive(Debug, Clone)]
enum Whom {
    Nobody,
    Id(u32),
    Named(String),
}

/// Numbers by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) users: HashMap<String, u32>,
    pub(crate) groups: HashMap<String, u32>,
}

impl Names {
    /// Reads `name:x:number:` lines of both files; others mean nothing here.
    pub(crate) fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self {
            users: numbers(passwd),
            groups: numbers(group),
        }
    }
}

fn numbers(file: &[u8]) -> HashMap<String, u32> {
    let text = String::from_utf8_lossy(file);
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let number = fields.nth(1)?.parse().ok()?;
            Some((name.to_owned(), number))
        })
        .collect()
}

impl Acl {
    /// Takes `user::rwx,user:bob:r--,group::r-x,mask::r-x,other::---`, split by
    /// commas or lines, with a number as a fourth field or in place of the name.
    pub(crate) fn parse(attribute: &'static CStr, text: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text).map_err(|_| Refusal::Acl)?;
        let mut entries = Vec::new();
        for part in text.split([',', '\n']) {
            // What follows a # is what the list comes to under the mask.
            let part = part.split('#').next().unwrap_or_default().trim();
            if part.is_empty() {
                continue;
            }
            if entries.len() >= MAX_ENTRIES {
                return Err(Refusal::Acl);
            }
            entries.push(Entry::parse(part)?);
        }
        // The kernel wants the classes in this order, and the ids of each sorted;
        // the latter is done once the ids are known.
        entries.sort_by_key(|entry| entry.tag);
        Ok(Self { attribute, entries })
    }

    /// The value of the attribute; nothing where a name is not among `names`.
    pub(crate) fn to_binary(&self, names: &Names) -> Result<Vec<u8>, Refusal> {
        let mut rows = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            rows.push((entry.tag, entry.id(names)?, entry.permissions));
        }
        rows.sort_by_key(|&(tag, id, _)| (tag, id));
        let mut value = VERSION.to_le_bytes().to_vec();
        for (tag, id, permissions) in rows {
            value.extend_from_slice(&tag.to_le_bytes());
            value.extend_from_slice(&permissions.to_le_bytes());
            value.extend_from_slice(&id.to_le_bytes());
        }
        Ok(value)
    }

    /// Whether a name has to be looked up first.
    pub(crate) fn has_names(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| matches!(entry.whom, Whom::Named(_)))
    }

    /// A list without entries: a directory without a default ACL.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that this holds in memory, about.
    pub(crate) fn weight(&self) -> usize {
        self.entries.len() * 64
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let mut fields = text.split(':').map(str::trim);
        let class = fields.next().unwrap_or_default();
        let name = fields.next().ok_or(Refusal::Acl)?;
        // Solaris and some old texts write mask:rwx and other:rwx.
        let (name, permissions) = match fields.next() {
            Some(permissions) => (name, permissions),
            None => ("", name),
        };
        let number = fields.next();
        let (tag, kind) = match (class, name.is_empty() && number.is_none()) {
            ("user" | "u", true) => (USER_OBJ, None),
            ("user" | "u", false) => (USER, Some("user")),
            ("group" | "g", true) => (GROUP_OBJ, None),
            ("group" | "g", false) => (GROUP, Some("group")),
            ("mask" | "m", true) => (MASK, None),
            ("other" | "o", true) => (OTHER, None),
            _ => return Err(Refusal::Acl),
        };
        let whom = match (kind, number.unwrap_or(name).parse::<u64>()) {
            (None, _) => Whom::Nobody,
            (Some(kind), Ok(id)) => Whom::Id(checked_id(kind, id)?),
            (Some(_), Err(_)) if number.is_none() => Whom::Named(name.to_owned()),
            (Some(_), Err(_)) => return Err(Refusal::Acl),
        };
        Ok(Self {
            tag,
            permissions: permission_bits(permissions)?,
            whom,
        })
    }

    fn id(&self, names: &Names) -> Result<u32, Refusal> {
        let (kind, table) = match self.tag {
            USER => ("user", &names.users),
            _ => ("group", &names.groups),
        };
        match &self.whom {
            Whom::Nobody => Ok(NO_ID),
            Whom::Id(id) => Ok(*id),
            Whom::Named(name) => match table.get(name) {
                Some(id) => checked_id(kind, (*id).into()),
                None => Err(Refusal::AclName {
                    kind,
                    name: name.clone(),
                }),
            },
        }
    }
}

fn permission_bits(text: &str) -> Result<u16, Refusal> {
    let mut bits = 0;
    for letter in text.chars() {
        bits |= match letter {
            'r' => 4,
            'w' => 2,
            'x' => 1,
            '-' => 0,
            _ => return Err(Refusal::Acl),
        };
    }
    Ok(bits)
}

/// Refuses a binary list whose ids no VE has; all else the kernel checks itself.
pub(crate) fn check_binary(value: &[u8]) -> Result<(), Refusal> {
    let rows = value.get(4..).ok_or(Refusal::Acl)?;
    for row in rows.chunks(8) {
        let [tag_low, tag_high, _, _, id @ ..] = row else {
            return Err(Refusal::Acl);
        };
        let id = u32::from_le_bytes(id.try_into().map_err(|_| Refusal::Acl)?);
        let kind = match u16::from_le_bytes([*tag_low, *tag_high]) {
            USER => "user",
            GROUP => "group",
            _ => continue,
        };
        checked_id(kind, id.into())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_what_the_kernel_takes() {
        let text = b"user::rwx,user:bob:r--,user:7:rw-,group::r-x,mask::rwx,other::---";
        let acl = Acl::parse(ACCESS, text).unwrap();
        assert!(acl.has_names());
        let names = Names::parse(b"root:x:0:0::/:\nbob:x:1000:1000::/:\n", b"");
        let value = acl.to_binary(&names).unwrap();
        let rows: Vec<&[u8]> = value[4..].chunks(8).collect();
        assert_eq!(value[..4], 2_u32.to_le_bytes());
        assert_eq!(rows[1], [2, 0, 6, 0, 7, 0, 0, 0]);
        assert_eq!(rows[2], [2, 0, 4, 0, 0xe8, 3, 0, 0]);
        assert_eq!(rows.len(), 6);
        check_binary(&value).unwrap();
    }

    #[test]
    fn a_number_beside_a_name_is_believed() {
        let acl = Acl::parse(ACCESS, b"user::r--\nuser:nobody:r--:12\nother:r--\n").unwrap();
        assert!(!acl.has_names());
        let value = acl.to_binary(&Names::default()).unwrap();
        assert_eq!(value[12..20], [2, 0, 4, 0, 12, 0, 0, 0]);
    }

    #[test]
    fn strangers_and_nonsense_are_refused() {
        let acl = Acl::parse(ACCESS, b"user:eve:r--").unwrap();
        assert_eq!(
            acl.to_binary(&Names::default()).unwrap_err().to_string(),
            "has an access control list for the unknown user eve"
        );
        for text in [
            &b"user"[..],
            b"user:a:q",
            b"who::rwx",
            b"user:70000:r--",
            b"\xff",
        ] {
            assert!(Acl::parse(ACCESS, text).is_err(), "{text:?}");
        }
    }
}
